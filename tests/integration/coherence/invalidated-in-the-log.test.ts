/**
 * Two processes log writes of one key while Redis is away, and the later one is invalidated by its tag before Redis hears of it.
 * Whatever is replayed first, the earlier value must not come out as the last one (G4): the later one had been acknowledged.
 */
import { expect, test } from '@jest/globals';
import { until } from '../../support/until.js';
import { degraded, healthy, passTime, twoLevelAt, useRig } from '../outage/rig.js';

const rig = useRig();

test.each([
  ['its own process', 'before', 'a value'],
  ['its own process', 'after', 'a value'],
  ['its own process', 'before', 'a loaded value'],
  ['another process', 'before', 'a value'],
  ['another process', 'after', 'a value'],
  ['another process', 'before', 'a loaded value'],
])('a value whose tag was invalidated by %s is replayed %s the older %s: nothing is read', async (by, order, older) => {
  const server = await rig.startRedis();
  const [earlier, later] = [await rig.startProxy(server), await rig.startProxy(server)];
  // Who was away does not hear of what was published meanwhile.
  const sync = { transport: 'pubsub' } as const;
  const first = (await rig.open({ s: { ...twoLevelAt(earlier), sync } })).client('s');
  const second = (await rig.open({ s: { ...twoLevelAt(later), sync } })).client('s');
  await Promise.all([earlier.refuse(), later.refuse()]);
  earlier.drop();
  later.drop();
  await Promise.all([degraded(first), degraded(second)]);

  if (older === 'a value') expect(await first.set('k', 'older')).toMatchObject({ l2: 'logged' });
  else await first.getOrLoad('k', () => 'older');
  // Between writes of an outage the clocks decide, which are as exact as they were compared.
  await passTime(100);
  expect(await second.set('k', 'newer', { tags: ['t'] })).toMatchObject({ l2: 'logged' });
  const third = (await rig.open({ s: { ...twoLevelAt(server), sync } })).client('s');
  await (by === 'another process' ? third : second).invalidateTags('t');

  const ways = [
    { proxy: later, client: second },
    { proxy: earlier, client: first },
  ];
  for (const { proxy, client } of order === 'before' ? ways : ways.reverse()) {
    await proxy.resume();
    await healthy(client);
    await until(() => client.health().owed === 0);
  }
  expect(await third.get('k')).toBeUndefined();
  expect(await third.has('k')).toBe(false);
  await until(async () => (await first.get('k')) === undefined && (await second.get('k')) === undefined);
});
