/** What processes that died in an outage leave behind, seen from those that live: soon taken over, once, and at a bounded cost (G7, G14). */
import { describe, expect, test } from '@jest/globals';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CacheManager } from '../../../lib/index.js';
import { logNameOf } from '../../../lib/recovery/log-home.js';
import { findFreePort } from '../../support/free-port.js';
import { startScript, type RunningScript } from '../../support/spawn-script.js';
import { until } from '../../support/until.js';
import { twoLevelAt, useRig } from './rig.js';

const rig = useRig();

const CHILD = fileURLToPath(new URL('logging-child.mjs', import.meta.url));

/** A process that has logged `keys`. */
async function startChild(dir: string, port: number, keys: readonly string[]): Promise<RunningScript> {
  const child = startScript(CHILD, { args: [dir, String(port), ...keys], deadlineMs: 60_000 });
  rig.afterwards(() => {
    child.kill();
    return child.done;
  });
  await child.printed('files', 20_000);
  return child;
}

async function kill(child: RunningScript): Promise<void> {
  child.kill();
  await child.done;
}

const loggedIn = (manager: CacheManager): number => manager.client('s').metrics().loggedKeys;

describe('G7: the log of a process that dies while others live', () => {
  test('is taken over by one of them within two seconds, whichever of them died, without a regular look', async () => {
    const port = await findFreePort();
    const dir = join(rig.folder, 'wal');
    const global = { wal: { dir }, health_check_interval: '1h' };
    const early = await startChild(dir, port, ['early']);
    const [folder = ''] = readdirSync(dir);
    const survivors = [
      await rig.open({ s: twoLevelAt({ port }) }, { global }),
      await rig.open({ s: twoLevelAt({ port }) }, { global }),
    ];
    const late = await startChild(dir, port, ['late 1', 'late 2']);
    expect(survivors.map(loggedIn)).toEqual([0, 0]);
    // The one that came last sees it too, and may be the first.
    await kill(early);
    await until(() => !existsSync(join(dir, folder)), { timeoutMs: 2000 });
    await kill(late);
    await until(() => survivors.map(loggedIn).reduce((a, b) => a + b) === 3, { timeoutMs: 2000 });
    const values = await Promise.all(survivors.map((manager) => manager.client('s').get('late 2')));
    expect(values.filter((value) => value !== undefined)).toEqual(['value of late 2']);
  });

  test('goes on to the next one when its new owner dies too', async () => {
    const port = await findFreePort();
    const dir = join(rig.folder, 'wal');
    const first = await startChild(dir, port, ['k']);
    const second = await startChild(dir, port, ['second']);
    const survivor = await rig.open({ s: twoLevelAt({ port }) }, { global: { wal: { dir }, health_check_interval: '1h' } });
    await kill(first);
    await kill(second);
    await until(() => loggedIn(survivor) === 2, { timeoutMs: 4000 });
  });
});

test('many restarts in one outage leave few open files, and everything is replayed in the end', async () => {
  const server = await rig.startRedis();
  await server.kill();
  const { port } = server;
  const dir = join(rig.folder, 'wal');
  // More than there may be files with little in each.
  const restarts = 36;
  let files = 0;
  for (let i = 0; i < restarts; i++) {
    const child = await startChild(dir, port, [`k${i}`]);
    files = Number(/files (\d+)/.exec(child.stdout())?.[1]);
    // What a process finds at its start it has by then.
    expect(child.stdout()).toContain(`logged ${i + 1}\n`);
    expect(files).toBeLessThanOrEqual(8);
    await kill(child);
  }
  await server.restart();
  const heir = await rig.open({ s: twoLevelAt({ port }) }, { global: { wal: { dir } } });
  await until(() => loggedIn(heir) === 0);
  for (let i = 0; i < restarts; i++) expect(await heir.client('s').getL2Only(`k${i}`)).toBe(`value of k${i}`);
  await until(() => readdirSync(dir).length === 1);
}, 240_000);

test('the logs of services with other addresses are named in one line, and again only when there are more', async () => {
  const lines: string[] = [];
  const note = (line: string): void => void lines.push(line);
  const quiet = (): void => undefined;
  const logger = { error: note, warn: note, info: quiet, debug: quiet };
  const port = await findFreePort();
  const leave = (id: string): string => {
    const folder = join(rig.folder, id, logNameOf('s', 'oxcache', `redis://elsewhere:${id}`));
    mkdirSync(folder, { recursive: true });
    const owner = { processId: id, pid: 4_000_000, host: hostname(), startedAtMs: 1, startTicks: '1', showsLifeBy: 'socket' };
    writeFileSync(join(rig.folder, id, 'owner.json'), JSON.stringify(owner));
    return folder;
  };
  const folders = Array.from({ length: 30 }, (_, i) => leave(`dead${String(i).padStart(2, '0')}`));
  const services = { s: twoLevelAt({ port }), other: twoLevelAt({ port }) };
  await rig.open(services, { logger, global: { log_level: 'info', health_check_interval: '1s' } });
  const told = (): string[] => lines.filter((line) => line.includes('key prefix or Redis address'));
  expect(told()).toHaveLength(1);
  expect(told()[0]).toContain('30 logs');
  expect(told()[0]).toContain(folders[0]);
  leave('more');
  await until(() => told().length === 2);
  expect(told()[1]).toContain('31 logs');
  for (const folder of folders) expect(existsSync(folder)).toBe(true);
});
