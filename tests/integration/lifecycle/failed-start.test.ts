/**
 * A manager that cannot be made leaves nothing behind (G9): no timer, no link, no connection, no log that others take for that of a
 * process that lives.
 */
import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { createManager } from '../../../lib/manager/create-manager.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';
import { spawnScript } from '../../support/spawn-script.js';
import { until } from '../../support/until.js';
import { useRig, twoLevelAt } from '../outage/rig.js';

const rig = useRig();
const SCRIPT = fileURLToPath(new URL('failed-start-script.mjs', import.meta.url));
const MISSING = {
  cache_type: 'two-level',
  l2: { connection_string: 'rediss://127.0.0.1:1', tls: { ca_file: '/nowhere/ca.pem' } },
} as const;

describe.each(['serve', 'bypass'] as const)('G9: after a start that failed, with on_link_loss = "%s",', (onLinkLoss) => {
  test.each([
    ['a log', true],
    ['no log', false],
  ])('a process with %s has no timer left, and ends by itself', async (_what, hasLog) => {
    const server = await rig.startRedis();
    const args = [onLinkLoss, String(server.port), ...(hasLog ? [rig.folder] : [])];
    const { code, signal, stdout, stderr, timedOut } = await spawnScript(SCRIPT, { args, cwd: rig.folder, deadlineMs: 8000 });
    expect({ code, signal, timedOut, stderr }).toEqual({ code: 0, signal: null, timedOut: false, stderr: '' });
    expect(stdout).toBe('failed: CACHE_CONFIG_INVALID\nleft: nothing\narmed since: 0\nend\n');
    expect(await readdir(rig.folder)).toEqual([]);
  });

  test('no clock is waited for, and Redis has lost sight of all connections', async () => {
    const server = await rig.startRedis();
    const clock = new FakeClock();
    const sync = { on_link_loss: onLinkLoss };
    const source = {
      global: { log_level: 'silent', sync, wal: { dir: rig.folder } },
      services: { first: twoLevelAt(server), second: twoLevelAt(server, { sync: { transport: 'pubsub' } }), third: MISSING },
    } as const;
    await expect(createManager(source, { clock })).rejects.toMatchObject({ code: 'CACHE_CONFIG_INVALID' });
    expect(clock.pendingTimers).toBe(0);
    const clients = async (): Promise<string> => String(await server.call('CLIENT', 'LIST'));
    await until(async () => !(await clients()).includes('name=oxcache'));
    expect(await readdir(rig.folder)).toEqual([]);
  });
});
