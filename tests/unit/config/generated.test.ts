import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { loadConfig } from '../../../lib/config/load-config.js';
import { errorOf, loadToml } from './load-toml.js';

const ROOT = new URL('../../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, ROOT), 'utf8');

interface Node {
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly description?: string;
}
const schema = JSON.parse(read('schemas/config.schema.json')) as Node & { definitions: Record<string, Node> };

describe('what is generated from the schema', () => {
  test('is up to date: run `npm run generate` when this fails', async () => {
    const script = fileURLToPath(new URL('schemas/generate.mjs', ROOT));
    await expect(promisify(execFile)(process.execPath, [script, '--check'])).resolves.toBeDefined();
  });

  test('every key has a description', () => {
    for (const [name, node] of Object.entries({ root: schema, ...schema.definitions })) {
      for (const [key, child] of Object.entries(node.properties ?? {})) {
        expect([
          name,
          key,
          child.description ?? schema.definitions[child.$ref?.replace('#/definitions/', '') ?? '']?.description,
        ]).toEqual([name, key, expect.stringMatching(/\.$/)]);
      }
    }
  });
});

describe('config.example.toml', () => {
  const file = fileURLToPath(new URL('config.example.toml', ROOT));
  const text = read('config.example.toml');

  test('loads as it stands', async () => {
    const config = await loadConfig(file, { env: {} });
    expect(config.services.map(({ name, cacheType }) => [name, cacheType])).toEqual([
      ['user_cache', 'two-level'],
      ['session_cache', 'l2'],
      ['settings_cache', 'l1'],
    ]);
    expect(config.services[0]?.l2?.connectionString).toBe('redis://127.0.0.1:6379');
  });

  test('takes the address of Redis from the environment', async () => {
    const config = await loadConfig(file, { env: { REDIS_URL: 'redis://elsewhere:6380' } });
    expect(config.services.map((service) => service.l2?.connectionString)).toEqual([
      'redis://elsewhere:6380',
      'redis://elsewhere:6380',
      undefined,
    ]);
  });

  test('is tied to the schema for editors', () => {
    expect(text.split('\n')[0]).toBe('#:schema ./schemas/config.schema.json');
  });

  test.each(
    Object.entries(schema.definitions).flatMap(([table, node]) =>
      Object.keys(node.properties ?? {}).map((key) => [table, key] as const),
    ),
  )('shows %s.%s', (_table, key) => {
    const asKey = new RegExp(`^(?:# )?${key} = |[{,] ${key} = |^(?:# )?\\[.*\\b${key}(?:\\.|\\])`, 'm');
    expect(text).toMatch(asKey);
  });
});

describe('docs/configuration.md', () => {
  const page = read('docs/configuration.md');

  test('its first example loads', async () => {
    const toml = /```toml\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
    expect((await loadToml(toml)).services).toHaveLength(1);
  });

  test('the error it shows is the one that such a file gives', async () => {
    const toml = `[services.user_cache]
cache_type = "two-level"
ttl = 600
l1 = { max_capcity = 10000 }
null_ttl = "5 mins"
l2 = { connection_string = "\${REDIS_URL}" }
`;
    const { message } = await errorOf(loadToml(toml));
    const shown = message.replace(/\S*config\.toml/g, 'config.toml');
    expect(page).toContain(`CacheError: ${shown}`);
  });
});
