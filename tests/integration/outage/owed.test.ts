/** One figure says whether Redis has been told everything: clears, tags, and logs that are still being read included (G7, G17). */
import { expect, test } from '@jest/globals';
import { NOTHING_OWED } from '../../../lib/observe/owed-writes.js';
import { until } from '../../support/until.js';
import { degraded, twoLevelAt, useRig } from './rig.js';

const rig = useRig();

test('a logged clear is owed until Redis knows of it, though no key is logged; then a fresh process reads nothing old', async () => {
  const server = await rig.startRedis();
  const proxy = await rig.startProxy(server);
  const services = { s: twoLevelAt(proxy), quiet: twoLevelAt(proxy) };
  const manager = await rig.open(services);
  const client = manager.client('s');
  await client.set('k', 'cleared');
  expect(manager.health()).toMatchObject({ owed: 0, services: { s: { owed: 0 } } });
  await proxy.refuse();
  proxy.drop();
  await degraded(client);
  await client.clear();
  expect(client.metrics()).toMatchObject({ loggedKeys: 0, owed: { ...NOTHING_OWED, total: 1, clears: 1 } });
  expect(client.metrics().owed.sinceMs).toBeLessThanOrEqual(Date.now() + 1000);
  expect(manager.health()).toMatchObject({ owed: 1, services: { s: { owed: 1 }, quiet: { owed: 0 } } });
  await proxy.resume();
  await until(() => manager.health().owed === 0);
  expect(client.metrics().owed).toEqual(NOTHING_OWED);
  const fresh = await rig.open({ s: twoLevelAt(server) }, { global: { wal: { dir: `${rig.folder}/fresh` } } });
  expect(await fresh.client('s').get('k')).toBeUndefined();
});

test('writes, deletions and tags are owed, each of them, until Redis has them', async () => {
  const server = await rig.startRedis();
  const proxy = await rig.startProxy(server);
  const client = (await rig.open({ s: twoLevelAt(proxy) })).client('s');
  await proxy.refuse();
  proxy.drop();
  await degraded(client);
  await client.set('a', 1);
  await client.delete('b');
  await client.invalidateTags('t');
  expect(client.metrics().owed).toMatchObject({ total: 3, logged: 3, clears: 0 });
  await proxy.resume();
  await until(() => client.health().owed === 0);
  expect(await client.getL2Only('a')).toBe(1);
});

test('a write that Redis has not answered is owed, without a log too', async () => {
  const server = await rig.startRedis();
  const client = (await rig.open({ s: twoLevelAt(server, { wal: { enabled: false } }) })).client('s');
  await client.set('warm', 1);
  server.freeze();
  const writing = client.set('k', 1);
  const clearing = client.clear().catch((error: unknown) => error);
  expect(client.health().owed).toBeGreaterThan(0);
  server.thaw();
  await Promise.all([writing, clearing]);
  await until(() => client.health().owed === 0);
});

test('a service without Redis owes nothing', async () => {
  const manager = await rig.open({ s: { cache_type: 'l1' } });
  await manager.client('s').set('k', 1);
  expect(manager.health().owed).toBe(0);
  expect(manager.client('s').metrics().owed).toEqual(NOTHING_OWED);
});
