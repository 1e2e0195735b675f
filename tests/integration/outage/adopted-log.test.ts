/** What a process left behind is taken over by the next one: it is read and replayed, but never instead of something newer (G7). */
import { expect, test } from '@jest/globals';
import { until } from '../../support/until.js';
import { degraded, healthy, passTime, twoLevelAt, useRig } from './rig.js';

const rig = useRig();

test('G7: reads in the process that takes a log over see what is newer in Redis, also before the replay', async () => {
  const server = await rig.startRedis();
  const proxy = await rig.startProxy(server);
  const wal = { dir: `${rig.folder}/first` };
  const open = async (dir: string) => rig.open({ s: twoLevelAt(proxy) }, { global: { wal: { dir } } });

  const first = await open(wal.dir);
  await proxy.refuse();
  proxy.drop();
  await degraded(first.client('s'));
  for (const key of ['overtaken', 'deleted since', 'only here']) {
    expect(await first.client('s').set(key, 'left behind')).toEqual({ l1: true, l2: 'logged' });
  }
  await first.client('s').delete('gone');
  await first.close({ deadline: '50ms' });
  await proxy.resume();

  await passTime();
  const second = (await open(`${rig.folder}/second`)).client('s');
  await second.set('overtaken', 'newer');
  await second.delete('deleted since');
  await passTime();

  const heir = (await open(wal.dir)).client('s');
  expect(heir.metrics().loggedKeys).toBeGreaterThan(0);
  expect(await heir.get('overtaken')).toBe('newer');
  expect(await heir.get('deleted since')).toBeUndefined();
  expect(await heir.get('only here')).toBe('left behind');
  expect(await heir.get('gone')).toBeUndefined();
  await until(() => heir.metrics().loggedKeys === 0);
  await healthy(heir);
  expect(await heir.getL2Only('overtaken')).toBe('newer');
  expect(await heir.getL2Only('deleted since')).toBeUndefined();
  expect(await heir.getL2Only('only here')).toBe('left behind');
  await until(() => heir.metrics().replaySuperseded === 2);
});
