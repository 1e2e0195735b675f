/** What a load leaves behind when everybody has given it up: nothing, also if its loader never settles. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from '@jest/globals';
import { CoarseClock } from '../../../lib/base/coarse-clock.js';
import { systemRandom } from '../../../lib/base/random.js';
import type { ServiceCore } from '../../../lib/clients/service-core.js';
import { TieredClient } from '../../../lib/clients/tiered-client.js';
import type { ServiceConfig } from '../../../lib/config/config-object.js';
import { loadConfig } from '../../../lib/config/load-config.js';
import { assembleService } from '../../../lib/manager/assemble-service.js';
import { createManager } from '../../../lib/manager/create-manager.js';
import { EventHub } from '../../../lib/observe/event-hub.js';
import { createLogger } from '../../../lib/observe/logger.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';

const hanging = <T = string>(): Promise<T> => new Promise<T>(() => undefined);
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A service without Redis, with its inside in view. */
async function open(
  settings: Partial<ServiceConfig> = {},
): Promise<{ core: ServiceCore; client: TieredClient; clock: FakeClock }> {
  const config = await loadConfig({ services: { s: { cache_type: 'l1', ...settings } } }, { env: {} });
  const clock = new FakeClock();
  const shared = {
    global: config.global,
    clock,
    coarseClock: new CoarseClock(clock),
    random: systemRandom,
    logger: createLogger('silent'),
    events: new EventHub(),
    infrastructure: undefined,
  };
  const core = await assembleService(config.services[0]!, shared, undefined);
  return { core, client: new TieredClient(core, 'l1', async () => undefined), clock };
}

function inside({ parts, loadPauses }: ServiceCore, clock: FakeClock): object {
  const { flights, fence, background } = parts;
  return {
    flights: flights.size,
    fence: fence.size,
    background: background.size,
    pauses: loadPauses.size,
    timers: clock.pendingTimers,
  };
}

const NOTHING = { flights: 0, fence: 0, background: 0, pauses: 0, timers: 0 };

describe.each(['process', 'off'] as const)('G14: with single_flight = "%s", loaders that never settle leave nothing', (mode) => {
  const settings = { load_timeout: '10ms', single_flight: mode } as const;

  test.each([
    ['getOrLoad', (client: TieredClient) => client.getOrLoad('k', () => hanging())],
    ['refresh', (client: TieredClient) => client.refresh('k', () => hanging())],
    ['getOrLoadMany', (client: TieredClient) => client.getOrLoadMany(['k', 'l', 'm'], () => hanging<never>())],
    ['getOrLoad of one tier', (client: TieredClient) => client.view('l1').getOrLoad('k', () => hanging())],
  ])('after the time-outs of %s', async (_name, call) => {
    const { core, client, clock } = await open(settings);
    for (let i = 0; i < 20; i++) {
      const loads = [call(client), call(client)].map((load) =>
        expect(load).rejects.toMatchObject({ code: 'CACHE_LOAD_TIMEOUT' }),
      );
      await settle();
      clock.advance(10);
      await Promise.all(loads);
    }
    await settle();
    expect(inside(core, clock)).toEqual(NOTHING);
  });

  test('after signals', async () => {
    const { core, client, clock } = await open({ single_flight: mode });
    const controller = new AbortController();
    const { signal } = controller;
    const loads = [
      client.getOrLoad('a', () => hanging(), { signal }),
      client.getOrLoad('b', () => hanging(), { signal }),
      client.getOrLoadMany(['c', 'd'], () => hanging<never>(), { signal }),
    ];
    const ends = loads.map((load) => expect(load).rejects.toMatchObject({ name: 'AbortError' }));
    await settle();
    controller.abort();
    await Promise.all(ends);
    await settle();
    expect(inside(core, clock)).toEqual(NOTHING);
  });
});

describe('G14: given-up loads', () => {
  test('of a background reload leave nothing once it was let go of', async () => {
    const { core, client, clock } = await open({ load_timeout: '10ms', refresh_ahead: 0.5, ttl: 100 });
    await client.set('k', 'v');
    clock.advance(60_000);
    expect(await client.getOrLoad('k', () => hanging())).toBe('v');
    await settle();
    clock.advance(10);
    await settle();
    // It is late, and may still bring its value.
    expect(inside(core, clock)).toMatchObject({ flights: 1, background: 0 });
    clock.advance(30_000);
    await settle();
    expect(inside(core, clock)).toEqual({ ...NOTHING, pauses: 1 });
  });

  test('leave nothing with a patient caller who waits for the same load', async () => {
    const { core, client, clock } = await open();
    const patient = client.getOrLoad('k', () => hanging());
    patient.catch(() => undefined);
    await settle();
    const timers = clock.pendingTimers;
    for (let i = 0; i < 50; i++) {
      const hasty = expect(client.getOrLoad('k', () => hanging(), { timeout: '10ms' })).rejects.toThrow('longer');
      await settle();
      clock.advance(10);
      await hasty;
    }
    expect(core.parts.flights.get('k')?.waiters).toBe(1);
    expect(clock.pendingTimers).toBe(timers);
  });

  test('leave nothing behind a load that a write has overtaken and that never ends', async () => {
    const { core, client, clock } = await open();
    client.getOrLoad('k', () => hanging()).catch(() => undefined);
    await settle();
    await client.set('k', 'v');
    await client.delete('k');
    for (let i = 0; i < 50; i++) {
      const behind = expect(client.getOrLoad('k', () => hanging(), { timeout: '10ms' })).rejects.toThrow('longer');
      await settle();
      clock.advance(10);
      await behind;
    }
    await settle();
    expect(core.parts.flights.size).toBe(1);
  });

  test('keep no memory', async () => {
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc') as () => void;
    const { client, clock } = await open({ load_timeout: '10ms' });
    const giveUp = async (count: number): Promise<void> => {
      for (let done = 0; done < count; done += 100) {
        const loads = Array.from({ length: 100 }, (_, i) =>
          client.getOrLoad(`k${done + i}`, () => hanging()).catch(() => undefined),
        );
        await settle();
        clock.advance(10);
        await Promise.all(loads);
      }
    };
    const heapAfter = async (count: number): Promise<number> => {
      await giveUp(count);
      for (let i = 0; i < 3; i++) {
        await settle();
        gc();
      }
      return process.memoryUsage().heapUsed;
    };
    const before = await heapAfter(2000);
    const after = await heapAfter(20_000);
    // It was 2.9 KB each.
    expect((after - before) / 20_000).toBeLessThan(100);
  });
});

test('G9: closing needs no deadline after loads of every kind that were given up', async () => {
  const clock = new FakeClock();
  const source = { services: { s: { cache_type: 'l1', ttl: 1, stale_ttl: 600, load_timeout: '10ms' } } } as const;
  const manager = await createManager(source, { clock });
  const client = manager.client('s');
  await client.set('stale', 'old');
  clock.advance(1500);
  const ends = Promise.allSettled([
    client.getOrLoad('a', () => hanging()),
    client.refresh('b', () => hanging()),
    client.getOrLoadMany(['c', 'd'], () => hanging<never>()),
    client.getOrLoad('stale', () => hanging()),
    client.getOrLoadMany(['stale', 'e'], () => hanging<never>()),
  ]);
  await settle();
  clock.advance(10);
  expect((await ends).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected', 'fulfilled', 'rejected']);
  // The clock stands still: a deadline would never come.
  await manager.close();
});
