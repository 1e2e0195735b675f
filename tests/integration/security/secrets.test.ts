/** No password and no value appears in anything the cache says (G11): logs, errors, events, health, metrics, the console. */
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { crc32 } from 'node:zlib';
import type { RedisServer } from '../../support/redis-server.js';
import { startScript } from '../../support/spawn-script.js';
import { degraded, twoLevelAt, useRig } from '../outage/rig.js';

const rig = useRig();
const SCRIPT = fileURLToPath(new URL('secrets-script.mjs', import.meta.url));

const URL_PASSWORD = 'p@ss/in:url#1';
const PASSWORD = 'passAsSetting2';
const VALUE = 'theValueNobodyMaySee3';
/** Each in every form it could be printed in. */
const SECRETS = [URL_PASSWORD, encodeURIComponent(URL_PASSWORD), PASSWORD, VALUE, VALUE.slice(0, 10)];

async function run(scenario: string, port: number, fill?: () => Promise<unknown>): Promise<string> {
  const args = [scenario, String(port), URL_PASSWORD, PASSWORD, VALUE];
  const script = startScript(SCRIPT, { args, cwd: rig.folder, deadlineMs: 25_000 });
  if (fill !== undefined) {
    await script.printed('fill\n');
    await fill();
    script.kill('SIGUSR2');
  }
  const { code, stdout, stderr } = await script.done;
  const output = `${stdout}\n${stderr}`;
  expect({ code, end: stdout.slice(-4) }).toEqual({ code: 0, end: 'end\n' });
  for (const secret of SECRETS) {
    const at = output.indexOf(secret);
    expect(at === -1 ? '' : output.slice(Math.max(0, at - 300), at + 100)).toBe('');
  }
  return output;
}

function startWithUsers(passwords: readonly string[], rules?: string): Promise<RedisServer> {
  // Both passwords are the same user's.
  const [first = '', ...others] = passwords;
  const more = others.map((password) => `>${password}`).join(' ');
  return rig.startRedis({
    users: [{ name: 'app', password: `${first} ${more}`.trim(), ...(rules === undefined ? {} : { rules }) }],
  });
}

describe('G11: nothing is given away', () => {
  test('in use', async () => {
    const server = await startWithUsers([URL_PASSWORD, PASSWORD]);
    const output = await run('in use', server.port);
    expect(output).toContain("status: 'healthy'");
  });

  test('when the passwords are wrong', async () => {
    const server = await startWithUsers(['another']);
    const output = await run('wrong passwords', server.port);
    expect(output).toContain('WRONGPASS');
  });

  test('when the connection is refused, with TLS and without', async () => {
    const server = await rig.startRedis();
    await server.kill();
    const output = await run('refused connection', server.port);
    expect(output).toContain('ECONNREFUSED');
  });

  test('when Redis does not answer', async () => {
    const server = await rig.startRedis();
    const proxy = await rig.startProxy(server);
    proxy.blackhole();
    expect(await run('silent', proxy.port)).toContain("status: 'degraded'");
  });

  test('when the network is slower than the deadline', async () => {
    const server = await startWithUsers([URL_PASSWORD, PASSWORD]);
    const proxy = await rig.startProxy(server);
    proxy.setLatency(60);
    await run('slow', proxy.port);
  });

  test('when commands are refused', async () => {
    const server = await startWithUsers([URL_PASSWORD, PASSWORD], '~* &* +@all -set -get -mget -scan');
    expect(await run('refused commands', server.port)).toContain('NOPERM');
  });

  test('when there is no memory for writes', async () => {
    const server = await startWithUsers([URL_PASSWORD, PASSWORD]);
    await server.call('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    await server.call('CONFIG', 'SET', 'maxmemory', '1');
    expect(await run('out of memory', server.port)).toContain('OOM');
  });

  test('when entries cannot be decoded', async () => {
    const server = await startWithUsers([URL_PASSWORD, PASSWORD]);
    const fill = async (): Promise<void> => {
      const nowMs = 1_900_000_000_000;
      const covered = (codec: string): string => `v${'1'.repeat(17)}abcdefg${codec}-${nowMs}${nowMs}${nowMs}--\n`;
      const sealed = (codec: string, payload: string): string => {
        const rest = covered(codec) + payload;
        return `OX1${crc32(rest).toString(16).padStart(8, '0')}${rest}`;
      };
      const broken = [
        VALUE,
        `"${VALUE}"`,
        `OX1${VALUE}`,
        sealed('j', VALUE),
        sealed('j', `{"a":"${VALUE}"`),
        sealed('m', `\u00c1${VALUE}`),
      ];
      for (const service of ['url', 'setting']) {
        for (const [i, bytes] of broken.entries()) await server.call('SET', `oxcache:${service}:broken${i}`, bytes);
      }
    };
    expect(await run('undecodable entries', server.port, fill)).toContain('CACHE_DECODE_FAILED');
  });
});

test('G11: the log says what happened to Redis, and no more', async () => {
  const server = await rig.startRedis({ password: PASSWORD });
  const lines: string[] = [];
  const log = (message: string, fields?: object): void => {
    lines.push(`${message} ${JSON.stringify(fields ?? {})}`);
  };
  const manager = await rig.open(
    {
      s: {
        ...twoLevelAt(server),
        l2: { connection_string: `redis://:${PASSWORD}@127.0.0.1:${server.port}`, command_timeout_ms: 200 },
      },
    },
    { logger: { error: log, warn: log, info: log, debug: log }, global: { log_level: 'debug' } },
  );
  await manager.client('s').set('k', VALUE);
  await server.kill();
  await degraded(manager.client('s'));
  await manager.client('s').set('k', VALUE);
  expect(lines.some((line) => line.includes(`127.0.0.1:${server.port}`))).toBe(true);
  for (const secret of SECRETS) expect(lines.join('\n')).not.toContain(secret);
});
