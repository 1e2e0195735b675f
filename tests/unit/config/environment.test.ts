import { describe, expect, test } from '@jest/globals';
import { issuesOf, loadToml, places } from './load-toml.js';

function service(lines: string): string {
  return `[services.a]\ncache_type = "two-level"\n${lines}\n`;
}

describe('placeholders', () => {
  test('are filled in from the environment, anywhere in a text and more than once', async () => {
    const text = service('[services.a.l2]\nconnection_string = "redis://${HOST}:${PORT:-6379}/${DB:-0}"');
    const config = await loadToml(text, { env: { HOST: 'cache.internal', PORT: '6380' } });
    expect(config.services[0]?.l2?.connectionString).toBe('redis://cache.internal:6380/0');
  });

  test('without a default and without the variable are an issue that names the variable', async () => {
    const issues = await issuesOf(service('l2 = { connection_string = "redis://${HOST}:${PORT}" }'));
    expect(places(issues)).toEqual(['3 services.a.l2.connection_string']);
    expect(issues[0]?.message).toMatch(/`HOST`, `PORT` is not set; set it, or give a default: `\$\{HOST:-default\}`/);
  });

  test('an inherited property of the environment object is not a variable', async () => {
    const issues = await issuesOf(service('l2 = { connection_string = "${constructor}" }'));
    expect(issues[0]?.message).toContain('`constructor` is not set');
  });

  test('use the default also for a variable that is set to nothing', async () => {
    const config = await loadToml(service('l2 = { connection_string = "${URL:-redis://h}" }'), { env: { URL: '' } });
    expect(config.services[0]?.l2?.connectionString).toBe('redis://h');
  });

  test('are not filled in again inside what was filled in', async () => {
    const text = service('l2 = { connection_string = "redis://h", password = "${SECRET}" }');
    const config = await loadToml(text, { env: { SECRET: '${OTHER}' } });
    expect(config.services[0]?.l2?.password).toBe('${OTHER}');
  });

  test('can be escaped', async () => {
    const config = await loadToml(service('l2 = { connection_string = "redis://h", password = "a$${B}c$d" }'));
    expect(config.services[0]?.l2?.password).toBe('a${B}c$d');
  });

  test.each(['${}', '${1A}', '${A B}', '${A', '${A-b}'])('that are malformed are an issue: %s', async (value) => {
    const issues = await issuesOf(service(`l2 = { connection_string = "redis://h", password = '${value}' }`), {
      env: { A: 'x' },
    });
    expect(places(issues)).toEqual(['3 services.a.l2.password']);
    expect(issues[0]?.message).toContain('`$${`');
  });

  test('that stand alone become a number or a boolean where the key takes one', async () => {
    const text = service(
      'ttl = "${TTL}"\nttl_jitter = "${JITTER}"\nl2 = { connection_string = "redis://h", db = "${DB:-3}" }\n[services.a.two_level]\nwrite_through = "${THROUGH}"',
    );
    const config = await loadToml(text, { env: { TTL: '600', JITTER: '0.5', THROUGH: 'false' } });
    expect(config.services[0]).toMatchObject({
      ttlMs: 600_000,
      ttlJitter: 0.5,
      l2: { db: 3 },
      twoLevel: { writeThrough: false },
    });
  });

  test('that stand alone stay texts where the key takes a text or a duration with a unit', async () => {
    const text = service('ttl = "${TTL}"\nl2 = { connection_string = "redis://h", password = "${PASSWORD}" }');
    const config = await loadToml(text, { env: { TTL: '5m', PASSWORD: '12345' } });
    expect(config.services[0]).toMatchObject({ ttlMs: 300_000, l2: { password: '12345' } });
  });

  test('that are a part of a text do not become a number', async () => {
    const issues = await issuesOf(service('l2 = { connection_string = "redis://h", db = "1${DB}" }'), { env: { DB: '2' } });
    expect(places(issues)).toEqual(['3 services.a.l2.db']);
  });

  test('G11: what came from the environment is not shown when it does not fit', async () => {
    const issues = await issuesOf(
      service('ttl = "${A}"\nsingle_flight = "${A}"\nttl_jitter = "${A}"\nl2 = { connection_string = "${A}" }'),
      {
        env: { A: 'hunter2' },
      },
    );
    expect(places(issues)).toEqual([
      '3 services.a.ttl',
      '4 services.a.single_flight',
      '5 services.a.ttl_jitter',
      '6 services.a.l2.connection_string',
    ]);
    expect(JSON.stringify(issues)).not.toContain('hunter2');
  });
});
