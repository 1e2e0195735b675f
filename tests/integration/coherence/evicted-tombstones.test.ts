/** G4: a Redis that has evicted the mark of a deletion says nothing against an older value in a log: that is not replayed as a value. */
import { expect, test } from '@jest/globals';
import { until } from '../../support/until.js';
import { degraded, healthy, passTime, twoLevelAt, useRig } from '../outage/rig.js';

const rig = useRig();
const FILLER = 'x'.repeat(2000);

test.each(['allkeys-lru', 'volatile-ttl'])(
  'what was logged before a deletion elsewhere does not come back with %s',
  async (policy) => {
    const server = await rig.startRedis({ config: { maxmemory: '6mb', 'maxmemory-policy': policy } });
    const proxy = await rig.startProxy(server);
    const away = (await rig.open({ s: twoLevelAt(proxy) })).client('s');
    const other = (await rig.open({ s: twoLevelAt(server) })).client('s');
    await other.set('k', 'first');
    await proxy.refuse();
    proxy.drop();
    await degraded(away);
    expect(await away.set('k', 'older')).toMatchObject({ l2: 'logged' });
    await passTime();
    await other.set('k', 'newer');
    await other.delete('k');
    for (let round = 0; Number(await server.call('EXISTS', 'oxcache:s:k')) === 1; round++) {
      if (round === 200) throw new Error('Redis does not evict');
      await Promise.all(Array.from({ length: 100 }, (_, i) => server.call('SET', `filler:${round}:${i}`, FILLER, 'EX', 7200)));
    }
    await proxy.resume();
    await healthy(away);
    await until(() => away.metrics().loggedKeys === 0, { timeoutMs: 10_000, describe: 'the log to be replayed' });
    const fresh = (await rig.open({ s: twoLevelAt(server) })).client('s');
    for (const client of [away, other, fresh]) expect(await client.getL2Only('k')).toBeUndefined();
    for (const client of [other, fresh]) expect(await client.get('k')).toBeUndefined();
  },
);
