/**
 * G5 and G8 together: a process sees its own writes that Redis has not confirmed, but not once it has heard that another process
 * wrote the key: then Redis knows which write counts.
 */
import { expect, test } from '@jest/globals';
import type { CacheClient } from '../../../lib/clients/cache-client.js';
import { until } from '../../support/until.js';
import { SERVICE, Workbench } from '../clients/workbench.js';

const bench = new Workbench();

/** A process whose writes are applied, but never confirmed: Redis does not let it tell the others. It still hears them. */
async function openUnconfirmed(): Promise<CacheClient> {
  await bench.server.call('ACL', 'SETUSER', 'mute', 'reset', 'on', '>secret', '~*', '&*', '+@all', '-xadd');
  const url = bench.server.url.replace('redis://', 'redis://mute:secret@');
  const manager = await bench.manager({ [SERVICE]: { cache_type: 'two-level', l2: { connection_string: url } } });
  return manager.client(SERVICE);
}

async function openOther(): Promise<CacheClient> {
  const client = (await bench.manager({ [SERVICE]: { cache_type: 'two-level' } })).client(SERVICE);
  await until(() => client.health().sync?.status === 'connected');
  return client;
}

test('what is in the own log is served until another process is heard to have written the key', async () => {
  const other = await openOther();
  const mute = await openUnconfirmed();
  await until(() => mute.health().sync?.status === 'connected');
  expect(await mute.set('k', 'mine')).toMatchObject({ l2: 'logged' });
  expect(await mute.set('untouched', 'mine')).toMatchObject({ l2: 'logged' });
  expect(await mute.get('k')).toBe('mine');
  expect(await other.set('k', 'newer')).toMatchObject({ l2: 'written' });
  await until(() => mute.metrics().invalidationsReceived > 0);
  expect(mute.metrics().loggedKeys).toBeGreaterThan(0);
  expect(await mute.get('k')).toBe('newer');
  expect(await mute.getL2Only('k')).toBe('newer');
  expect(await mute.getMany(['k', 'untouched'])).toEqual(
    new Map([
      ['k', 'newer'],
      ['untouched', 'mine'],
    ]),
  );
});

test('an own write that is newer than what was heard of is still served', async () => {
  const other = await openOther();
  const mute = await openUnconfirmed();
  await until(() => mute.health().sync?.status === 'connected');
  await other.set('k', 'older');
  await until(() => mute.metrics().invalidationsReceived > 0);
  expect(await mute.set('k', 'mine')).toMatchObject({ l2: 'logged' });
  expect(await mute.getL2Only('k')).toBe('mine');
  expect(await mute.get('k')).toBe('mine');
});

test('after a gap everything in the own log is compared with Redis first', async () => {
  const other = await openOther();
  const mute = await openUnconfirmed();
  await until(() => mute.health().sync?.status === 'connected');
  await mute.set('k', 'mine');
  const gaps = mute.metrics().invalidationGaps;
  const clients = String(await bench.server.call('CLIENT', 'LIST'));
  const ids = [...clients.matchAll(/id=(\d+) .*name=oxcache-bus .*user=mute/g)].map(([, id]) => String(id));
  expect(ids.length).toBeGreaterThan(0);
  // Written and forgotten by the stream before the link is back.
  await bench.server.call('MULTI');
  for (const id of ids) await bench.server.call('CLIENT', 'KILL', 'ID', id);
  await bench.server.call('DEL', `oxcache::${SERVICE}:stream`);
  await bench.server.call('EXEC');
  await other.set('k', 'newer');
  await until(() => mute.metrics().invalidationGaps > gaps);
  await until(async () => (await mute.get('k')) === 'newer');
});
