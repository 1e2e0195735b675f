/** After `close()` a process ends by itself, whatever state the sentinels and nodes were in (G9). */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ClusterSet } from '../../support/cluster-set.js';
import { findFreePort } from '../../support/free-port.js';
import type { RedisServer } from '../../support/redis-server.js';
import { SentinelSet } from '../../support/sentinel-set.js';
import { startScript } from '../../support/spawn-script.js';
import { useTemporaryFolder } from '../../support/temporary-folder.js';

const folder = useTemporaryFolder();
const SCRIPT = fileURLToPath(new URL('exit-script.mjs', import.meta.url));

/** What the script printed; it has ended by itself, in order and without a word on standard error. */
async function run(l2: object): Promise<string[]> {
  const script = startScript(SCRIPT, { args: [JSON.stringify(l2)], cwd: folder.path, deadlineMs: 15_000 });
  const { code, stdout, stderr, timedOut } = await script.done;
  expect({ code, timedOut, stderr }).toEqual({ code: 0, timedOut: false, stderr: '' });
  return stdout.trim().split('\n');
}

async function whileFrozen(servers: readonly RedisServer[], work: () => Promise<void>): Promise<void> {
  for (const server of servers) server.freeze();
  try {
    await work();
  } finally {
    for (const server of servers) server.thaw();
  }
}

describe('G9: behind sentinels', () => {
  let set: SentinelSet;
  let l2: object;
  beforeAll(async () => {
    set = await SentinelSet.start();
    l2 = { mode: 'sentinel', sentinel: { master_name: set.masterName, nodes: set.nodes } };
  });
  afterAll(() => set.stop());

  test('a process ends that has used the primary', async () => {
    expect(await run(l2)).toEqual(['healthy 0 7', 'ended after a moment']);
  });

  test('so does one whose sentinels are not there', async () => {
    const nodes = [`127.0.0.1:${await findFreePort()}`];
    const lines = await run({ mode: 'sentinel', sentinel: { master_name: 'm', nodes } });
    expect(lines).toEqual(['degraded 0 7', 'ended after a moment']);
  });

  test('and one whose sentinels accept and never answer', async () => {
    await whileFrozen(set.sentinels, async () => {
      expect(await run(l2)).toEqual(['degraded 0 7', 'ended after a moment']);
    });
  });
});

describe('G9: with a cluster', () => {
  let set: ClusterSet;
  let l2: object;
  beforeAll(async () => {
    set = await ClusterSet.start();
    l2 = { mode: 'cluster', cluster: { nodes: set.nodes } };
  });
  afterAll(() => set.stop());

  test('a process ends that has used all masters', async () => {
    expect(await run(l2)).toEqual(['healthy 0 7', 'ended after a moment']);
    const counts = await Promise.all(set.masters.map((server) => server.call('DBSIZE')));
    expect(counts.every((count) => Number(count) > 5)).toBe(true);
  });

  test('so does one whose nodes are not there', async () => {
    const lines = await run({ mode: 'cluster', cluster: { nodes: [`127.0.0.1:${await findFreePort()}`] } });
    expect(lines).toEqual(['degraded 0 7', 'ended after a moment']);
  });

  test('and one whose nodes accept and never answer', async () => {
    await whileFrozen(set.masters, async () => {
      expect(await run(l2)).toEqual(['degraded 0 7', 'ended after a moment']);
    });
  });
});
