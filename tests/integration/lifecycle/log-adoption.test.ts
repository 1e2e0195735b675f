/** Logs of processes that end in every way a process can: they are taken over by one other process, and by nobody while they live. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../../lib/base/clock.js';
import { isAnswered } from '../../../lib/recovery/alive-socket.js';
import { logNameOf, type LogHome } from '../../../lib/recovery/log-home.js';
import { adoptInto, openHome } from '../../unit/recovery/home-bench.js';
import { nodeDisk } from '../../../lib/recovery/node-disk.js';
import { startScript, type RunningScript } from '../../support/spawn-script.js';
import { until } from '../../support/until.js';

const SCRIPT = fileURLToPath(new URL('home-script.mjs', import.meta.url));
const LOG = logNameOf('users', 'oxcache', 'redis://127.0.0.1:6379');
const ORPHANS = Array.from({ length: 20 }, (_, i) => `orphan${i}`).sort();

let dir: string;
const scripts: RunningScript[] = [];
const homes: LogHome[] = [];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ox-adopt-'));
});

afterEach(async () => {
  await Promise.all(homes.splice(0).map((home) => home.close()));
  for (const script of scripts) script.kill();
  await Promise.all(scripts.splice(0).map((script) => script.done));
  await rm(dir, { recursive: true, force: true });
});

function start(role: string, processId: string, below = dir, deadlineMs = 60_000): RunningScript {
  const script = startScript(SCRIPT, { args: [role, below, processId, LOG], deadlineMs });
  scripts.push(script);
  return script;
}

async function open(processId: string, below = dir): Promise<LogHome> {
  const home = await openHome({ dir: below, processId, disk: nodeDisk, clock: systemClock });
  homes.push(home);
  return home;
}

async function startOwner(processId: string): Promise<RunningScript> {
  const owner = start('owner', processId);
  await owner.printed('ready');
  return owner;
}

/** Leaves 20 logs behind, of processes of this machine that are gone. */
async function leaveOrphans(below: string): Promise<void> {
  const model = await open('model', below);
  const owner = await readFile(join(model.folder, 'owner.json'));
  await model.close();
  for (const orphan of ORPHANS) {
    await mkdir(join(below, orphan, LOG), { recursive: true });
    await writeFile(join(below, orphan, LOG, 'content'), orphan);
    await writeFile(join(below, orphan, 'owner.json'), owner);
  }
}

describe('G7: the log of a process', () => {
  test('that was killed with SIGKILL is taken over, as it was', async () => {
    const owner = await startOwner('owner');
    const home = await open('home');
    expect(await adoptInto(home, LOG)).toEqual({ folders: [], unreadable: [] });
    owner.kill();
    await owner.done;
    const folder = join(home.folder, `${LOG}.from-owner`);
    expect(await adoptInto(home, LOG)).toEqual({ folders: [folder], unreadable: [] });
    expect(await readFile(join(folder, 'content'), 'utf8')).toBe('owner');
    expect(await readdir(dir)).toEqual(['home']);
  });

  test('that is stopped is not taken over, however often it is asked, until it is killed', async () => {
    const owner = await startOwner('owner');
    owner.kill('SIGSTOP');
    const home = await open('home');
    // More than fit into the queue of a socket that nobody accepts from.
    for (let asked = 0; asked < 600; asked++) expect(await isAnswered(join(dir, 'owner'))).toBe(true);
    expect(await adoptInto(home, LOG)).toEqual({ folders: [], unreadable: [] });
    owner.kill();
    await owner.done;
    expect((await adoptInto(home, LOG)).folders).toHaveLength(1);
  });

  test('is taken over again when the process that took it over is killed', async () => {
    const owner = await startOwner('owner');
    owner.kill();
    await owner.done;
    for (const id of ['second', 'third']) {
      const adopter = start('adopter', id);
      await adopter.printed('adopted 1');
      adopter.kill();
      await adopter.done;
    }
    const home = await open('home');
    expect((await adoptInto(home, LOG)).folders).toEqual([join(home.folder, `${LOG}.from-owner`)]);
    expect(await readdir(dir)).toEqual(['home']);
  });

  test('is taken over once by 8 processes that start together, 20 times over, and none is lost', async () => {
    const rounds = 20;
    for (let round = 0; round < rounds; round++) await leaveOrphans(join(dir, String(round)));
    const racers = Array.from({ length: 8 }, (_, i) => start('racer', `racer${i}`));
    for (let round = 0; round < rounds; round++) {
      await Promise.all(racers.map((racer) => racer.printed(`ready ${round}\n`, 20_000)));
      await writeFile(join(dir, `go-${round}`), '');
    }
    await Promise.all(racers.map((racer) => racer.printed('done', 20_000)));
    const lines = racers.flatMap((racer) => racer.stdout().split('\n'));
    for (let round = 0; round < rounds; round++) {
      const adopted = lines.filter((line) => line.startsWith(`${round} `)).map((line) => line.split(' ').slice(1).join(' '));
      expect(adopted.sort()).toEqual(ORPHANS);
    }
    // That they were shared out is what shows that there was a race.
    expect(racers.filter((racer) => /^\d+ orphan/m.test(racer.stdout())).length).toBeGreaterThan(1);
  });

  test('is not lost when processes are killed in the middle of taking over', async () => {
    const below = join(dir, '0');
    await leaveOrphans(below);
    const racers = Array.from({ length: 4 }, (_, i) => start('racer', `racer${i}`));
    await Promise.all(racers.map((racer) => racer.printed('ready 0')));
    await writeFile(join(dir, 'go-0'), '');
    // At the sight of the first logs that one has: the others are still where they were, or on their way.
    await until(() => racers.some((racer) => racer.stdout().includes('0 orphan')));
    for (const racer of racers) racer.kill();
    await Promise.all(racers.map((racer) => racer.done));
    const home = await open('home', below);
    const { folders, unreadable } = await adoptInto(home, LOG);
    expect(unreadable).toEqual([]);
    const contents = await Promise.all(folders.map((folder) => readFile(join(folder, 'content'), 'utf8')));
    expect(contents.sort()).toEqual(ORPHANS);
    expect(await readdir(below)).toEqual(['home']);
  });
});

test('G9: a process that does nothing but have a folder ends by itself, and what it leaves is removed', async () => {
  const { code, stdout, stderr } = await start('holder', 'holder', dir, 10_000).done;
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'open\n', stderr: '' });
  expect(await adoptInto(await open('home'), LOG)).toEqual({ folders: [], unreadable: [] });
  expect(await readdir(dir)).toEqual(['home']);
});
