import * as fs from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { nodeDisk } from '../../../lib/recovery/node-disk.js';

let folder = '';
const at = (...names: readonly string[]): string => join(folder, ...names);
const modeOf = (path: string): string => (fs.statSync(path).mode & 0o777).toString(8);

beforeEach(() => {
  folder = fs.mkdtempSync(join(tmpdir(), 'oxcache-disk-'));
});
afterEach(() => {
  fs.rmSync(folder, { recursive: true, force: true });
});

describe('a file', () => {
  test('is created for its owner only, and never over another (G11)', async () => {
    const before = process.umask(0);
    try {
      await (await nodeDisk.create(at('a'))).close();
    } finally {
      process.umask(before);
    }
    expect(modeOf(at('a'))).toBe('600');
    await expect(nodeDisk.create(at('a'))).rejects.toMatchObject({ code: 'EEXIST' });
  });

  test('is opened only if it is there, and keeps its content', async () => {
    await expect(nodeDisk.open(at('a'))).rejects.toMatchObject({ code: 'ENOENT' });
    fs.writeFileSync(at('a'), 'content');
    const file = await nodeDisk.open(at('a'));
    await file.write(Buffer.from('T'), 3);
    await file.close();
    expect((await nodeDisk.read(at('a'), 100_000_000)).toString()).toBe('conTent');
  });

  test('is written and read at any position', async () => {
    const file = await nodeDisk.create(at('a'));
    await Promise.all([file.write(Buffer.from('world'), 6), file.write(Buffer.from('hello '), 0)]);
    await file.write(new Uint8Array(0), 100);
    const target = Buffer.alloc(8);
    expect([file.readSync(target, 3), target.toString()]).toEqual([8, 'lo world']);
    await file.sync();
    await file.close();
  });

  test('read at its end gives the bytes there are', async () => {
    const file = await nodeDisk.create(at('a'));
    await file.write(Buffer.from('12345'), 0);
    const target = Buffer.alloc(4, '-');
    expect([file.readSync(target, 3), target.toString()]).toEqual([2, '45--']);
    expect(file.readSync(target, 5)).toBe(0);
    expect(file.readSync(target, 99)).toBe(0);
    await file.close();
  });

  test('is cut off', async () => {
    const file = await nodeDisk.create(at('a'));
    await file.write(Buffer.from('12345'), 0);
    await file.truncate(2);
    expect((await nodeDisk.read(at('a'), 100_000_000)).toString()).toBe('12');
    await file.close();
  });

  test('is written whole by each of many writes at once', async () => {
    const file = await nodeDisk.create(at('a'));
    const parts = Array.from({ length: 20 }, (_, i) => Buffer.alloc(100_000, i + 1));
    await Promise.all(parts.map((part, i) => file.write(part, i * part.length)));
    expect((await nodeDisk.read(at('a'), 100_000_000)).equals(Buffer.concat(parts))).toBe(true);
    await file.close();
  });

  test('is closed once, after what is under way, and fails with EBADF from then on', async () => {
    const file = await nodeDisk.create(at('a'));
    const order: string[] = [];
    const writing = file.write(Buffer.alloc(32_000_000, 1), 0).then(() => order.push('written'));
    const closing = file.close();
    expect(file.close()).toBe(closing);
    const closed = closing.then(() => order.push('closed'));
    await expect(file.write(Buffer.from('x'), 0)).rejects.toMatchObject({ code: 'EBADF' });
    await expect(file.sync()).rejects.toMatchObject({ code: 'EBADF' });
    await expect(file.truncate(0)).rejects.toMatchObject({ code: 'EBADF' });
    expect(() => file.readSync(Buffer.alloc(1), 0)).toThrow(expect.objectContaining({ code: 'EBADF' }));
    await Promise.all([writing, closed]);
    expect(order).toEqual(['written', 'closed']);
    expect(fs.statSync(at('a')).size).toBe(32_000_000);
  });

  test('is named by what it is, not by where it is', async () => {
    const file = await nodeDisk.create(at('a'));
    expect(await nodeDisk.identify(at('a'))).toBe(file.identity);
    fs.renameSync(at('a'), at('b'));
    expect(await nodeDisk.identify(at('a'))).toBeUndefined();
    expect(await nodeDisk.identify(at('a', 'below a file that is not there'))).toBeUndefined();
    fs.writeFileSync(at('a'), '');
    expect(await nodeDisk.identify(at('a'))).not.toBe(file.identity);
    expect(await nodeDisk.identify(at('b'))).toBe(file.identity);
    const again = nodeDisk.openSync(at('b'));
    expect(again.identity).toBe(file.identity);
    await Promise.all([file.close(), again.close()]);
  });

  test('that is larger than it may be is not read', async () => {
    fs.writeFileSync(at('a'), '12345');
    expect((await nodeDisk.read(at('a'), 5)).toString()).toBe('12345');
    await expect(nodeDisk.read(at('a'), 4)).rejects.toMatchObject({ code: 'EFOREIGN' });
  });

  test.each([
    ['folder', (path: string) => fs.mkdirSync(path)],
    ['link to a file', (path: string) => fs.symlinkSync(at('target'), path)],
    ['link to nothing', (path: string) => fs.symlinkSync(at('nothing'), path)],
    ['pipe', (path: string) => spawnSync('mkfifo', [path])],
    ['socket', (path: string) => spawnSync('python3', ['-c', `import socket; socket.socket(socket.AF_UNIX).bind("${path}")`])],
  ])('that is a %s is neither opened nor read, and nobody waits for it', async (_, make) => {
    // Windows has none of them but folders.
    if (process.platform === 'win32') return;
    fs.writeFileSync(at('target'), 'content');
    make(at('a'));
    // A system without the program that makes it.
    if (!fs.existsSync(at('a')) && !fs.lstatSync(at('a'), { throwIfNoEntry: false })) return;
    const code = 'EFOREIGN';
    await expect(nodeDisk.read(at('a'), 100)).rejects.toMatchObject({ code });
    await expect(nodeDisk.open(at('a'))).rejects.toMatchObject({ code });
    expect(() => nodeDisk.openSync(at('a'))).toThrow(expect.objectContaining({ code }));
    await expect(nodeDisk.create(at('a'))).rejects.toMatchObject({ code: 'EEXIST' });
    expect(fs.readFileSync(at('target'), 'utf8')).toBe('content');
  });
});

describe('a folder', () => {
  test('is made with its parents, for its owner only (G11)', async () => {
    const before = process.umask(0);
    try {
      await nodeDisk.makeFolder(at('a', 'b'));
    } finally {
      process.umask(before);
    }
    expect([modeOf(at('a')), modeOf(at('a', 'b'))]).toEqual(['700', '700']);
  });

  test('that is there already is left as it is', async () => {
    fs.mkdirSync(at('a'));
    fs.chmodSync(at('a'), 0o755);
    fs.writeFileSync(at('a', 'file'), '');
    await nodeDisk.makeFolder(at('a'));
    expect([modeOf(at('a')), fs.readdirSync(at('a'))]).toEqual(['755', ['file']]);
  });

  test('that is a file is an error', async () => {
    fs.writeFileSync(at('a'), '');
    await expect(nodeDisk.makeFolder(at('a'))).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(nodeDisk.makeFolder(at('a', 'b'))).rejects.toMatchObject({ code: 'ENOTDIR' });
  });

  test('lists its names in order, and none when it is not there', async () => {
    for (const name of ['b', 'a', '10', '9']) fs.writeFileSync(at(name), '');
    expect(await nodeDisk.list(folder)).toEqual(['10', '9', 'a', 'b']);
    expect(await nodeDisk.list(at('none'))).toEqual([]);
    await expect(nodeDisk.list(at('a'))).rejects.toMatchObject({ code: 'ENOTDIR' });
  });

  test('is synced', async () => {
    await nodeDisk.syncFolder(folder);
    await expect(nodeDisk.syncFolder(at('none'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('remove', () => {
  test('removes a file and an empty folder', async () => {
    fs.writeFileSync(at('file'), '');
    fs.mkdirSync(at('folder'));
    await nodeDisk.remove(at('file'));
    await nodeDisk.remove(at('folder'));
    expect(fs.readdirSync(folder)).toEqual([]);
  });

  test('does not mind what is absent', async () => {
    await nodeDisk.remove(at('none'));
    await nodeDisk.remove(at('none', 'below'));
  });

  test('leaves a folder with something in it', async () => {
    fs.mkdirSync(at('folder'));
    fs.writeFileSync(at('folder', 'file'), '');
    await expect(nodeDisk.remove(at('folder'))).rejects.toMatchObject({ code: 'ENOTEMPTY' });
    expect(fs.existsSync(at('folder', 'file'))).toBe(true);
  });
});

describe('rename', () => {
  test('moves a file or a folder with what is in it', async () => {
    fs.mkdirSync(at('from'));
    fs.writeFileSync(at('from', 'file'), 'content');
    expect(await nodeDisk.rename(at('from'), at('to'))).toBe(true);
    expect(await nodeDisk.rename(at('to', 'file'), at('file'))).toBe(true);
    expect(fs.readFileSync(at('file'), 'utf8')).toBe('content');
    expect(fs.readdirSync(at('to'))).toEqual([]);
  });

  test('of what is not there is false; of what is there to where it cannot be is an error', async () => {
    expect(await nodeDisk.rename(at('none'), at('to'))).toBe(false);
    fs.writeFileSync(at('file'), '');
    await expect(nodeDisk.rename(at('file'), at('none', 'file'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('has one winner when many try at once', async () => {
    for (let round = 0; round < 30; round++) {
      fs.mkdirSync(at(`dead-${round}`));
      const won = await Promise.all(
        Array.from({ length: 8 }, (_, i) => nodeDisk.rename(at(`dead-${round}`), at(`${round}-${i}`))),
      );
      expect(won.filter(Boolean)).toHaveLength(1);
    }
  });
});
