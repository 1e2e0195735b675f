/** G5 under fire: two processes write, delete and read the same few keys at once, and agree with Redis when they are done. */
import { describe, expect, test } from '@jest/globals';
import type { CacheClient } from '../../../lib/clients/cache-client.js';
import { until } from '../../support/until.js';
import { SERVICE, Workbench } from '../clients/workbench.js';

const bench = new Workbench();
const RUNS = 30;
const KEYS = ['a', 'b', 'c'];

/** As many calls as keep both processes busy with the same keys. */
async function write(client: CacheClient, name: string, run: number): Promise<void> {
  for (let i = 0; i < 20; i++) {
    const key = KEYS[(i + run) % KEYS.length] as string;
    const value = `${name} ${run}.${i}`;
    if (i % 7 === 3) await client.delete(key);
    else if (i % 7 === 5) await Promise.all([client.set(key, value), client.get(key)]);
    else if (i % 7 === 6) await client.setMany(KEYS.map((each) => [each, value] as const));
    else await client.set(key, value);
    await client.get(key);
  }
}

describe.each(['stream', 'pubsub'] as const)('G5: over %s', (transport) => {
  test.each([true, false])(
    `two processes that write the same keys in a tight loop agree with Redis at the end, ${RUNS} times (write_through = %p)`,
    async (isThrough) => {
      const service = { cache_type: 'two-level', sync: { transport }, two_level: { write_through: isThrough } } as const;
      const open = async (): Promise<CacheClient> => (await bench.manager({ [SERVICE]: service })).client(SERVICE);
      const clients = [await open(), await open()];
      const judge = await bench.client('l2');
      await until(() => clients.every((client) => client.health().sync?.status === 'connected'));
      for (let run = 0; run < RUNS; run++) {
        await Promise.all(clients.map((client, i) => write(client, `process ${i}`, run)));
        await Promise.all(clients.map((client) => client.flush()));
        // The last messages are on their way for a moment.
        const truth = await judge.getMany(KEYS);
        const agrees = (client: CacheClient): boolean =>
          KEYS.every((key) => client.peek(key) === undefined || client.peek(key) === truth.get(key));
        await until(() => clients.every(agrees), {
          timeoutMs: 5000,
          describe: () =>
            `agreement in run ${run}: ${JSON.stringify([[...truth], ...clients.map((c) => KEYS.map((k) => c.peek(k)))])}`,
        });
        for (const client of clients) expect(await client.getMany(KEYS)).toEqual(truth);
        expect(clients.every(agrees)).toBe(true);
      }
      // They did get into each other's way.
      expect(clients.some((client) => client.metrics().invalidationsReceived > RUNS)).toBe(true);
    },
  );
});
