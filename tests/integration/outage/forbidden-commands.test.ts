/**
 * A provider forbids or renames a command that the library sends: nothing hangs, and health or the log names the command. Each
 * command is forbidden by itself, over both transports.
 */
import { describe, expect, test } from '@jest/globals';
import type { CacheClient, CacheManager } from '../../../lib/index.js';
import type { RedisServer } from '../../support/redis-server.js';
import { until } from '../../support/until.js';
import { l2At, twoLevelAt, useRig } from './rig.js';

const rig = useRig();

/** No call takes longer: several deadlines, and the time of a busy machine. */
const NO_HANG_MS = 5000;

type Transport = 'stream' | 'pubsub';
const ALWAYS = ['evalsha', 'eval', 'get', 'mget', 'set', 'getrange', 'time', 'unlink', 'scan', 'pexpire', 'del'] as const;
const FORBIDDEN: readonly (readonly [command: string, transport: Transport])[] = [
  ...ALWAYS.map((command) => [command, 'stream'] as const),
  ...(['xadd', 'xread', 'xrange', 'xrevrange'] as const).map((command) => [command, 'stream'] as const),
  ...(['publish', 'subscribe', 'ping'] as const).map((command) => [command, 'pubsub'] as const),
];

/** A process of its own, with what its logger was told. */
interface Process {
  readonly manager: CacheManager;
  readonly client: CacheClient;
  readonly lines: string[];
}

async function open(server: RedisServer, transport: Transport, login = {}): Promise<Process> {
  const lines: string[] = [];
  const take = (message: string): void => {
    lines.push(message);
  };
  const logger = { error: take, warn: take, info: take, debug: () => undefined };
  const service = twoLevelAt(server, { l2: l2At(server, login), sync: { transport } });
  const manager = await rig.open({ s: service }, { logger, global: { log_level: 'info' } });
  return { manager, client: manager.client('s'), lines };
}

/** What every kind of call comes to; none takes longer than {@link NO_HANG_MS}. */
async function useAll(client: CacheClient): Promise<void> {
  const lock = async (): Promise<unknown> => {
    const held = await client.lock('k', { ttl: '10s' });
    await held?.extend();
    return held?.release();
  };
  const calls: (() => Promise<unknown>)[] = [
    () => client.set('k', 'v', { tags: ['t'] }),
    () => client.get('k'),
    () => client.get('absent'),
    () => client.getMany(['k', 'absent', 'other']),
    () => client.getOrLoad('loaded', () => 'v'),
    () => client.expire('k', '5m'),
    () => client.delete('k'),
    () => client.invalidateTags('t'),
    () => client.set('cleared', 'v'),
    () => client.clear(),
    lock,
  ];
  for (const call of calls) {
    const startedMs = performance.now();
    await call().catch(() => undefined);
    expect(performance.now() - startedMs).toBeLessThan(NO_HANG_MS);
  }
}

function names(command: string, text: string): boolean {
  return new RegExp(`\\b${command}\\b`, 'i').test(text);
}

describe.each(FORBIDDEN)('without %s, over %s', (command, transport) => {
  test('health or a line names it, no call hangs, and own writes are seen', async () => {
    const server = await rig.startRedis({
      users: [{ name: 'app', password: 'pw', rules: `~* &* +@all -${command}` }],
    });
    const { client, lines } = await open(server, transport, { username: 'app', password: 'pw' });
    await useAll(client);
    await until(() => names(command, JSON.stringify(client.health()) + lines.join('\n')), { timeoutMs: 10_000 });
    // The deadline of a line that is repeated for every call would be far more.
    expect(lines.filter((line) => names(command, line)).length).toBeLessThanOrEqual(3);
    expect(await client.set('mine', 'v')).toMatchObject({ l1: true });
    expect(await client.get('mine')).toBe('v');
    await client.delete('mine');
    expect(await client.get('mine')).toBeUndefined();
  });
});

describe.each(['EVALSHA', 'XADD', 'XREAD', 'SUBSCRIBE'])('where the provider has renamed %s', (command) => {
  const transport = command === 'SUBSCRIBE' ? 'pubsub' : 'stream';
  const isOfLink = command === 'XREAD' || command === 'SUBSCRIBE';

  test('one line says which command is missing and what to do, and health says it, too', async () => {
    const server = await rig.startRedis({ config: { 'rename-command': `${command} ""` } });
    const { client, lines } = await open(server, transport);
    const written = await client.set('k', 'v');
    for (let i = 0; i < 20; i++) await client.set(`k${i}`, i);
    expect(written.l2).toBe(isOfLink ? 'written' : 'logged');
    await until(() => lines.some((line) => names(command, line)), { timeoutMs: 10_000 });
    const found = lines.filter((line) => names(command, line));
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(/renamed or forbade it/);
    expect(found[0]).toMatch(/sync\.transport = "pubsub"/);
    const health = client.health();
    if (isOfLink) expect(health.sync).toMatchObject({ status: 'lost', reason: expect.stringMatching(new RegExp(command, 'i')) });
    else
      expect(health.l2).toMatchObject({
        status: 'degraded',
        traffic: 'all',
        reason: expect.stringMatching(new RegExp(command, 'i')),
      });
  });
});

test('a lost link to the other processes is one line, and so is its return', async () => {
  const server = await rig.startRedis();
  const { client, lines } = await open(server, 'stream');
  await until(() => client.health().sync?.status === 'connected');
  await server.call('ACL', 'SETUSER', 'default', '-xread');
  await until(() => client.health().sync?.status === 'lost', { timeoutMs: 10_000 });
  await until(() => lines.length > 0, { timeoutMs: 10_000 });
  expect(lines).toEqual([expect.stringMatching(/Writes of other processes are not heard of: .*xread/)]);
  await server.call('ACL', 'SETUSER', 'default', '+xread');
  await until(() => lines.length > 1, { timeoutMs: 10_000 });
  expect(lines[1]).toMatch(/are heard of again/);
  expect(client.health().sync).not.toHaveProperty('reason');
});
