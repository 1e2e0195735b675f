/** Leases whose answers come late: a lease is valid from the sending of its command, not from its answer. */
import { describe, expect, test } from '@jest/globals';
import type { CacheClient } from '../../../lib/index.js';
import { until } from '../../support/until.js';
import { healthy, l2At, useRig } from '../outage/rig.js';

const rig = useRig();

const LOCK_NAME = 'oxcache::s:lock:k';
/** Deadlines that no delay of these tests reaches: an answer is late, not lost. */
const PATIENT = { command_timeout_ms: 20_000 };

describe.each(['l2', 'two-level'] as const)('a lock of a service of type %s whose answer is late', (kind) => {
  async function openBehindProxy(): Promise<{
    client: CacheClient;
    delay: (ms: number) => void;
    call: (...args: string[]) => Promise<unknown>;
  }> {
    const server = await rig.startRedis();
    const proxy = await rig.startProxy(server);
    const client = (await rig.open({ s: { cache_type: kind, l2: l2At(proxy, PATIENT) } })).client('s');
    await healthy(client);
    // Redis knows a script from its first use on: after this a lock is one command.
    const lock = await client.lock('another', { ttl: '1s' });
    await lock?.extend();
    await lock?.release();
    return {
      client,
      delay: (ms) => {
        proxy.setLatency(ms, { direction: 'toClient' });
      },
      call: (...args) => server.call(...(args as [string])),
    };
  }

  test('is not handed out when its time is over by then, and is given back', async () => {
    const { client, delay, call } = await openBehindProxy();
    delay(700);
    expect(await client.lock('k', { ttl: '300ms' })).toBeUndefined();
    delay(0);
    await until(async () => (await call('EXISTS', LOCK_NAME)) === 0);
    const lock = await client.lock('k', { ttl: '10s' });
    expect(lock?.token).toHaveLength(23);
  });

  test('is not handed out after the wait when its time is over by then', async () => {
    const { client, delay } = await openBehindProxy();
    delay(700);
    expect(await client.lock('k', { ttl: '300ms', wait: '100ms' })).toBeUndefined();
  });

  test('is not handed out when the process stood still for longer than its time', async () => {
    const { client, call } = await openBehindProxy();
    const locking = client.lock('k', { ttl: '300ms' });
    // The command leaves at the end of this turn; the answer waits in the socket.
    await new Promise((resolve) => setImmediate(resolve));
    const endMs = performance.now() + 700;
    while (performance.now() < endMs);
    expect(await locking).toBeUndefined();
    await until(async () => (await call('EXISTS', LOCK_NAME)) === 0);
  });

  test('is not extended by an answer that comes after the extension is over', async () => {
    const { client, delay } = await openBehindProxy();
    const lock = await client.lock('k', { ttl: '30s' });
    delay(700);
    expect(await lock?.extend('300ms')).toBe(false);
    expect(await lock?.extend('30s')).toBe(false);
  });

  test('is handed out when there is time left', async () => {
    const { client, delay } = await openBehindProxy();
    delay(100);
    const lock = await client.lock('k', { ttl: '30s' });
    expect(await lock?.extend('30s')).toBe(true);
    expect(await lock?.release()).toBe(true);
  });
});
