import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chown, lstat, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { isAnswered } from '../../../lib/recovery/alive-socket.js';
import type { LogDisk } from '../../../lib/recovery/log-disk.js';
import { logNameOf, type LogHome } from '../../../lib/recovery/log-home.js';
import { adoptInto, openHome } from './home-bench.js';
import { nodeDisk } from '../../../lib/recovery/node-disk.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';
import { until } from '../../support/until.js';

const LOG = logNameOf('users', 'oxcache', 'redis://h:6379');
const OTHER = logNameOf('orders', 'oxcache', 'redis://h:6379');

let root: string;
let dir: string;
let clock: FakeClock;
const homes: LogHome[] = [];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'ox-home-'));
  dir = join(root, 'wal');
  clock = new FakeClock();
});

afterEach(async () => {
  await Promise.all(homes.splice(0).map((home) => home.close()));
  await rm(root, { recursive: true, force: true });
});

async function open(processId: string, parts: { readonly dir?: string; readonly disk?: LogDisk } = {}): Promise<LogHome> {
  const home = await openHome({ dir, processId, disk: nodeDisk, clock, ...parts });
  homes.push(home);
  return home;
}

/** Puts a log with one file into a folder. */
async function writeLog(folder: string, text = 'log'): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(join(folder, '0000000001-00000000.wal'), text);
}

const here = {
  pid: 4_000_000,
  host: hostname(),
  bootId: (await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '')).trim() || undefined,
  startedAtMs: 1,
  showsLifeBy: 'socket',
};

/** The folder of a process that is gone, with these logs; `owner` is what its owner.json says, `null`: there is none. */
async function leaveBehind(processId: string, logs: readonly string[], owner: object | null = here, in_ = dir): Promise<string> {
  const folder = join(in_, processId);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const log of logs) await writeLog(join(folder, log), `${processId}/${log}`);
  if (owner !== null) await writeFile(join(folder, 'owner.json'), JSON.stringify({ processId, ...owner }));
  return folder;
}

async function setAge(path: string, ageMs: number): Promise<void> {
  const at = new Date(Date.now() - ageMs);
  await utimes(path, at, at);
}

const nothing = { folders: [], unreadable: [] };

describe('a home', () => {
  test('is a folder with the id of the process, which says who it is and shows life, for the owner only', async () => {
    const home = await open('p1');
    expect(home.folder).toBe(join(dir, 'p1'));
    expect(home.folderOf(LOG)).toBe(join(dir, 'p1', LOG));
    expect(await readdir(home.folder)).toEqual(['alive.sock', 'owner.json']);
    expect((await stat(dir)).mode & 0o777).toBe(0o700);
    expect((await stat(home.folder)).mode & 0o777).toBe(0o700);
    expect((await stat(join(home.folder, 'owner.json'))).mode & 0o777).toBe(0o600);
    const owner = JSON.parse(await readFile(join(home.folder, 'owner.json'), 'utf8')) as Record<string, unknown>;
    expect(owner).toMatchObject({ processId: 'p1', pid: process.pid, host: hostname(), startedAtMs: clock.nowMs() });
    expect(owner['bootId']).toBe(here.bootId);
    expect(await isAnswered(home.folder)).toBe(true);
  });

  test('is gone after close, which may be called again', async () => {
    const home = await open('p1');
    await Promise.all([home.close(), home.close()]);
    await home.close();
    expect(await readdir(dir)).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });

  test('with a log in it stays when it is closed, as that of a process that is gone', async () => {
    const home = await open('p1');
    await writeLog(home.folderOf(LOG));
    await home.close();
    expect(await readdir(home.folder)).toEqual(['owner.json', LOG]);
    expect((await adoptInto(await open('p2'), LOG)).folders).toEqual([join(dir, 'p2', `${LOG}.from-p1`)]);
  });

  test('in a relative folder stays where it is', async () => {
    const home = await open('p1', { dir: 'never-made/../' + 'tests/unit/recovery' });
    try {
      expect(home.folder).toBe(join(process.cwd(), 'tests/unit/recovery/p1'));
    } finally {
      await home.close();
    }
    await expect(lstat(home.folder)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('touches its owner.json every 10 s until it is closed', async () => {
    const writes: number[] = [];
    const disk: LogDisk = {
      ...nodeDisk,
      create: async (path) => {
        const file = await nodeDisk.create(path);
        const write = file.write.bind(file);
        file.write = (bytes, position) => (writes.push(clock.nowMs()), write(bytes, position));
        return file;
      },
    };
    const startMs = clock.nowMs();
    const home = await open('p1', { disk });
    for (const expected of [2, 3]) {
      clock.advance(10_000);
      await until(() => writes.length === expected);
    }
    clock.advance(5000);
    await home.close();
    clock.advance(60_000);
    expect(writes.map((at) => at - startMs)).toEqual([0, 10_000, 20_000]);
  });

  test('that cannot be made rejects with the error of the system and leaves nothing', async () => {
    await writeFile(dir, 'a file where the folder should be');
    await expect(open('p1')).rejects.toMatchObject({ code: 'ENOTDIR' });
    await rm(dir);
    const full: LogDisk = { ...nodeDisk, create: () => Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' })) };
    await expect(open('p1', { disk: full })).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(await readdir(dir)).toEqual([]);
  });

  test('that another process has already is not taken from it', async () => {
    const first = await open('p1');
    await expect(open('p1')).rejects.toMatchObject({ code: 'EEXIST' });
    expect(await readdir(first.folder)).toEqual(['alive.sock', 'owner.json']);
    expect(await isAnswered(first.folder)).toBe(true);
  });

  test('that is a planted link is not made', async () => {
    await mkdir(join(root, 'elsewhere'), { recursive: true });
    await mkdir(dir);
    await symlink(join(root, 'elsewhere'), join(dir, 'p1'));
    await expect(open('p1')).rejects.toMatchObject({ code: 'ENOTDIR' });
    expect(await readdir(join(root, 'elsewhere'))).toEqual([]);
  });

  test.each(['', '.', '..', 'a/b', 'a.b', 'x'.repeat(65)])('G12: %j is no id of a process', async (id) => {
    await expect(open(id)).rejects.toThrow(/Expected `processId` to be/);
  });
});

describe('adopting', () => {
  test('G7: takes over the logs of this name, and leaves the others', async () => {
    const dead = await leaveBehind('dead1', [LOG, OTHER]);
    await leaveBehind('dead2', [OTHER]);
    const home = await open('p1');
    const target = join(home.folder, `${LOG}.from-dead1`);
    expect(await adoptInto(home, LOG)).toEqual({ folders: [target], unreadable: [] });
    expect(await readFile(join(target, '0000000001-00000000.wal'), 'utf8')).toBe(`dead1/${LOG}`);
    expect(await readdir(dead)).toEqual([OTHER, 'owner.json'].sort());
    expect(await adoptInto(home, LOG)).toEqual(nothing);
    expect((await adoptInto(home, OTHER)).folders).toHaveLength(2);
    expect(await readdir(dir)).toEqual(['p1']);
  });

  test('leaves the logs of processes that live', async () => {
    const other = await open('p1');
    await writeLog(other.folderOf(LOG));
    expect(await adoptInto(await open('p2'), LOG)).toEqual(nothing);
    expect(await readdir(other.folder)).toContain(LOG);
  });

  test('finds no other logs where there are none', async () => {
    expect(await adoptInto(await open('p1'), LOG)).toEqual(nothing);
  });

  test('G7: a log whose adopter died is adopted again, under the name of who wrote it', async () => {
    await leaveBehind('dead1', [LOG]);
    let id = 'dead1';
    for (const next of ['p1', 'p2', 'p3']) {
      const home = await open(next);
      expect(await adoptInto(home, LOG)).toEqual({ folders: [join(dir, next, `${LOG}.from-dead1`)], unreadable: [] });
      expect(await readdir(dir)).not.toContain(id);
      await home.close();
      id = next;
    }
  });

  test('a process that had a log of its own and one from another leaves two, which do not collide', async () => {
    await leaveBehind('dead1', [LOG, `${LOG}.from-dead0`]);
    await leaveBehind('dead2', [LOG]);
    const { folders } = await adoptInto(await open('p1'), LOG);
    expect(folders.map((folder) => folder.slice(dir.length))).toEqual([
      `/p1/${LOG}.from-dead1`,
      `/p1/${LOG}.from-dead0`,
      `/p1/${LOG}.from-dead2`,
    ]);
  });

  test('a folder that is in the way is reported, and the other logs are adopted', async () => {
    await leaveBehind('dead1', [LOG]);
    await leaveBehind('dead2', [LOG]);
    const home = await open('p1');
    await writeLog(join(home.folder, `${LOG}.from-dead1`), 'in the way');
    const { folders, unreadable } = await adoptInto(home, LOG);
    expect(folders).toEqual([join(home.folder, `${LOG}.from-dead2`)]);
    expect(unreadable).toEqual([{ folder: join(dir, 'dead1'), error: expect.any(Error) }]);
    expect(await readdir(join(dir, 'dead1'))).toContain(LOG);
  });

  test('many calls at once claim every log once', async () => {
    for (let i = 0; i < 20; i++) await leaveBehind(`dead${i}`, [LOG]);
    const [a, b] = [await open('p1'), await open('p2')];
    const calls = await Promise.all([a, b, a, b, a].map((home) => adoptInto(home, LOG)));
    expect(calls.flatMap((call) => call.unreadable)).toEqual([]);
    const from = calls.flatMap((call) => call.folders).map((folder) => folder.split('.from-')[1]);
    expect(from.sort()).toEqual(Array.from({ length: 20 }, (_, i) => `dead${i}`).sort());
  });

  test('waits for what is under way when it is closed, and claims nothing afterwards', async () => {
    await leaveBehind('dead1', [LOG]);
    const home = await open('p1');
    const adopting = adoptInto(home, LOG);
    await home.close();
    const { folders } = await adopting;
    for (const folder of folders) expect((await stat(folder)).isDirectory()).toBe(true);
    await leaveBehind('dead2', [LOG]);
    expect(await adoptInto(home, LOG)).toEqual(nothing);
    expect(await readdir(join(dir, 'dead2'))).toContain(LOG);
  });

  test('removes what processes without logs left, and nothing that it does not know', async () => {
    await leaveBehind('dead1', []);
    const kept = await leaveBehind('dead2', []);
    await writeFile(join(kept, 'notes.txt'), 'mine');
    await mkdir(join(dir, 'empty'));
    const home = await open('p1');
    expect(await adoptInto(home, LOG)).toEqual(nothing);
    expect(await readdir(dir)).toEqual(['dead2', 'empty', 'p1']);
    expect(await readdir(kept)).toEqual(['notes.txt', 'owner.json']);
  });

  test('what was removed while it was looked at is no trouble', async () => {
    await leaveBehind('dead1', [LOG]);
    const disk: LogDisk = {
      ...nodeDisk,
      list: async (folder) => {
        const names = await nodeDisk.list(folder);
        if (folder.endsWith('dead1')) await rename(folder, join(root, 'gone'));
        return names;
      },
    };
    expect(await adoptInto(await open('p1', { disk }), LOG)).toEqual(nothing);
  });

  test('a folder that cannot be read is skipped and named', async () => {
    await leaveBehind('dead1', [LOG]);
    await leaveBehind('dead2', [LOG]);
    const error = Object.assign(new Error('no'), { code: 'EACCES' });
    const disk: LogDisk = {
      ...nodeDisk,
      list: (folder) => (folder.endsWith('dead1') ? Promise.reject(error) : nodeDisk.list(folder)),
    };
    const home = await open('p1', { disk });
    expect(await adoptInto(home, LOG)).toEqual({
      folders: [join(home.folder, `${LOG}.from-dead2`)],
      unreadable: [{ folder: join(dir, 'dead1'), error }],
    });
  });

  test('what another user left is not taken, even where it can be', async () => {
    // Only root can read what is another user's, and make it so.
    if (process.getuid?.() !== 0) return;
    const folder = await leaveBehind('dead1', [LOG]);
    await chown(folder, 12_345, 12_345);
    const { folders, unreadable } = await adoptInto(await open('p1'), LOG);
    expect(folders).toEqual([]);
    expect(unreadable[0]?.error.message).toMatch(/belong to another user/);
  });
});

describe('planted files', () => {
  test('links, files and folders that are not ours are left alone', async () => {
    const outside = join(root, 'outside');
    await leaveBehind('dead9', [LOG], here, outside);
    await mkdir(dir);
    await symlink(join(outside, 'dead9'), join(dir, 'linked'));
    await writeFile(join(dir, 'file'), '');
    await leaveBehind('with.dot', [LOG]);
    const dead = await leaveBehind('dead1', ['lost+found']);
    await symlink(join(outside, 'dead9', LOG), join(dead, LOG));
    await writeFile(join(dead, `${LOG}.from-x`), 'no folder');
    const home = await open('p1');
    expect(await adoptInto(home, LOG)).toEqual(nothing);
    expect((await home.adopt([OTHER])).strangers).toEqual([]);
    expect(await readdir(dir)).toEqual(['dead1', 'file', 'linked', 'p1', 'with.dot']);
    expect(await readdir(dead)).toHaveLength(4);
    expect(await readdir(join(outside, 'dead9'))).toContain(LOG);
  });

  test('a link to a socket is no sign of life', async () => {
    const alive = await open('p1');
    const folder = await leaveBehind('dead1', [LOG]);
    await symlink(join(alive.folder, 'alive.sock'), join(folder, 'alive.sock'));
    expect((await adoptInto(alive, LOG)).folders).toHaveLength(1);
  });

  test('an owner.json that is a folder, a pipe, or huge, is as good as none', async () => {
    const home = await open('p1');
    const make: Record<string, (path: string) => unknown> = {
      folder: (path) => mkdir(path),
      pipe: (path) => spawnSync('mkfifo', [path]),
      huge: (path) => writeFile(path, JSON.stringify({ ...here, more: 'x'.repeat(5000) })),
      torn: (path) => writeFile(path, JSON.stringify(here).slice(0, 40)),
      list: (path) => writeFile(path, '[]'),
      negative: (path) => writeFile(path, JSON.stringify({ ...here, pid: -1, showsLifeBy: 'pid' })),
    };
    for (const [name, plant] of Object.entries(make)) {
      const folder = await leaveBehind(name, [LOG], null);
      await plant(join(folder, 'owner.json'));
    }
    expect(await adoptInto(home, LOG)).toEqual(nothing);
    for (const name of Object.keys(make)) await setAge(join(dir, name), 61_000);
    expect((await adoptInto(home, LOG)).folders).toHaveLength(Object.keys(make).length);
  });
});

describe('whether an owner is gone', () => {
  async function isAdopted(owner: object | null, prepare: (folder: string) => unknown = () => undefined): Promise<boolean> {
    const folder = await leaveBehind('owner', [LOG], owner);
    await prepare(folder);
    const { folders, unreadable } = await adoptInto(await open('judge'), LOG);
    expect(unreadable).toEqual([]);
    return folders.length === 1;
  }
  const touchedAgo = (ageMs: number) => (folder: string) => setAge(join(folder, 'owner.json'), ageMs);

  test('one that runs here but does not answer is', async () => {
    expect(await isAdopted({ ...here, pid: process.pid })).toBe(true);
  });

  test('a socket that nobody listens at any more says so', async () => {
    expect(
      await isAdopted(here, async (folder) => {
        const script = `require('net').createServer().listen(${JSON.stringify(join(folder, 'alive.sock'))}, () => process.kill(process.pid, 'SIGKILL'))`;
        spawnSync(process.execPath, ['-e', script]);
        expect((await lstat(join(folder, 'alive.sock'))).isSocket()).toBe(true);
      }),
    ).toBe(true);
  });

  test('one that is still being made is not, until it is 60 s old', async () => {
    expect(await isAdopted(null)).toBe(false);
    await setAge(join(dir, 'owner'), 50_000);
    expect(await adoptInto(await open('second'), LOG)).toEqual(nothing);
    await setAge(join(dir, 'owner'), 61_000);
    expect((await adoptInto(await open('third'), LOG)).folders).toHaveLength(1);
  });

  test('one without a name that answers is not, however old it is', async () => {
    const server = createServer();
    expect(
      await isAdopted(null, async (folder) => {
        await once(server.listen(join(folder, 'alive.sock')), 'listening');
        await setAge(folder, 3_600_000);
      }),
    ).toBe(false);
    server.close();
  });

  test('one of another machine is when it was not touched for 60 s', async () => {
    const elsewhere = { ...here, host: 'elsewhere', bootId: 'another' };
    expect(await isAdopted(elsewhere, touchedAgo(50_000))).toBe(false);
    await touchedAgo(61_000)(join(dir, 'owner'));
    expect((await adoptInto(await open('second'), LOG)).folders).toHaveLength(1);
  });

  test('one of another machine that does not tell its starts is judged the same way', async () => {
    expect(await isAdopted({ ...here, host: 'elsewhere', bootId: undefined }, touchedAgo(50_000))).toBe(false);
  });

  test('one of this machine before its last start is', async () => {
    expect(await isAdopted({ ...here, bootId: 'another' }, touchedAgo(0))).toBe(true);
  });

  test('one in another container of this machine shows life the same way', async () => {
    const alive = await open('p1');
    await writeLog(alive.folderOf(LOG));
    const owner = JSON.parse(await readFile(join(alive.folder, 'owner.json'), 'utf8')) as object;
    await writeFile(join(alive.folder, 'owner.json'), JSON.stringify({ ...owner, host: 'another-container' }));
    await setAge(join(alive.folder, 'owner.json'), 3_600_000);
    expect(await adoptInto(await open('p2'), LOG)).toEqual(nothing);
    expect(await isAdopted({ ...here, host: 'another-container' }, touchedAgo(0))).toBe(true);
  });

  describe('without a socket', () => {
    const byPid = { ...here, showsLifeBy: 'pid' };
    const ended = spawnSync(process.execPath, ['-e', '']).pid;

    test('a process that has ended is', async () => {
      expect(await isAdopted({ ...byPid, pid: ended })).toBe(true);
    });

    test('a process that runs is not', async () => {
      expect(await isAdopted({ ...byPid, pid: process.pid }, touchedAgo(3_600_000))).toBe(false);
    });

    test('a process that ended, whose number another one has now, is when nothing was touched for 60 s', async () => {
      const owner = { ...byPid, pid: process.pid, startTicks: '1' };
      expect(await isAdopted(owner, touchedAgo(50_000))).toBe(false);
      await touchedAgo(61_000)(join(dir, 'owner'));
      expect((await adoptInto(await open('second'), LOG)).folders).toHaveLength(1);
    });

    test('a process in another container is when it was not touched for 60 s', async () => {
      const owner = { ...byPid, pid: ended, host: 'another-container' };
      expect(await isAdopted(owner, touchedAgo(50_000))).toBe(false);
      await touchedAgo(61_000)(join(dir, 'owner'));
      expect((await adoptInto(await open('second'), LOG)).folders).toHaveLength(1);
    });
  });
});

describe('a path that is too long for a socket', () => {
  test('shows life and its end all the same', async () => {
    const long = join(dir, 'x'.repeat(120), 'ü'.repeat(60));
    const home = await open('p1', { dir: long });
    await writeLog(home.folderOf(LOG));
    const other = await open('p2', { dir: long });
    expect(await isAnswered(home.folder)).toBe(true);
    expect(await adoptInto(other, LOG)).toEqual(nothing);
    await home.close();
    expect(await isAnswered(home.folder)).toBe(false);
    expect((await adoptInto(other, LOG)).folders).toHaveLength(1);
    expect(await readdir(long)).toEqual(['p2']);
  });

  test('leaves no descriptor behind', async () => {
    const long = join(dir, 'x'.repeat(120));
    const openFiles = async () => (await readdir('/proc/self/fd')).length;
    const before = await openFiles();
    for (let i = 0; i < 5; i++) {
      const home = await open(`p${i}`, { dir: long });
      await leaveBehind(`dead${i}`, [LOG], here, long);
      await adoptInto(home, LOG);
      await home.close();
    }
    expect(await openFiles()).toBe(before);
  });
});

describe('strangers', () => {
  test('are logs of gone processes for the same service with another prefix or endpoint', async () => {
    const prefix = logNameOf('users', 'other', 'redis://h:6379');
    const endpoint = logNameOf('users', 'oxcache', 'redis://elsewhere:6379');
    await leaveBehind('dead1', [LOG, OTHER, prefix, logNameOf('users-2', 'oxcache', 'x')]);
    await leaveBehind('dead2', [`${endpoint}.from-dead0`]);
    const alive = await open('p1');
    await writeLog(alive.folderOf(endpoint));
    const home = await open('p2');
    expect((await home.adopt([LOG])).strangers).toEqual([
      join(dir, 'dead1', prefix),
      join(dir, 'dead2', `${endpoint}.from-dead0`),
    ]);
    expect(await readdir(join(dir, 'dead1'))).toContain(prefix);
  });
});

describe('the name of a log', () => {
  test('is the service and eight digits that depend on prefix, service and endpoint', () => {
    expect(LOG).toMatch(/^users-[0-9a-f]{8}$/);
    expect(logNameOf('users', 'oxcache', 'redis://h:6379')).toBe(LOG);
    const names = [
      LOG,
      logNameOf('users', 'oxcache', 'redis://h:6380'),
      logNameOf('users', 'shop', 'redis://h:6379'),
      logNameOf('users2', 'oxcache', 'redis://h:6379'),
      logNameOf('a:b', 'c', 'd'),
      logNameOf('a', 'b:c', 'd'),
    ];
    expect(new Set(names.map((name) => name.slice(-8))).size).toBe(names.length);
  });

  test('is a safe one for every service, and two services never have the same on any file system', () => {
    const services = [
      '.',
      '..',
      '...',
      'a',
      'A',
      'a.b',
      'a_b',
      'a-b',
      'AB',
      'aB',
      'Ab',
      'con',
      'CON.x',
      'nul.',
      '-',
      'x'.repeat(64),
      'X'.repeat(64),
    ];
    const names = services.map((service) => logNameOf(service, 'p', 'e'));
    for (const name of names) {
      expect(name).toMatch(/^[a-z0-9_+=-]+$/);
      expect(`${name}.from-${'x'.repeat(64)}`.length).toBeLessThan(255);
    }
    // Without the digits too: the name alone tells which service it is.
    expect(new Set(names.map((name) => name.slice(0, -9).toLowerCase())).size).toBe(services.length);
  });
});
