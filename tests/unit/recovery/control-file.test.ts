/** The invalidation of a whole service survives a torn write and every flipped bit, and works on a full or hanging disk (G7). */
import { describe, expect, test } from '@jest/globals';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  CONTROL_FILE_LENGTH,
  ControlFile,
  NO_POINT,
  NOTHING_CLEARED,
  type ControlFacts,
} from '../../../lib/recovery/control-file.js';
import { OpenFiles } from '../../../lib/recovery/open-files.js';
import { nodeDisk } from '../../../lib/recovery/node-disk.js';
import { FaultyDisk } from '../../support/faulty-disk.js';
import { useTemporaryFolder } from '../../support/temporary-folder.js';

const folder = useTemporaryFolder();

function factsOf(version: string, isLocalTime = false): ControlFacts {
  return { deadBefore: { version: version.padStart(24, '1'), isLocalTime }, invalidateBefore: NO_POINT };
}

const OLD = factsOf('a');
const NEW: ControlFacts = { ...factsOf('b'), invalidateBefore: { version: '17672256001230007k3x9q2a', isLocalTime: true } };

function read(): Promise<ControlFacts | undefined> {
  return ControlFile.read(nodeDisk, folder.path);
}

/** A disk on which the file is `bytes`. */
function readBytes(bytes: Buffer): Promise<ControlFacts | undefined> {
  return ControlFile.read(
    { ...nodeDisk, list: () => Promise.resolve(['control']), read: () => Promise.resolve(bytes) },
    'anywhere',
  );
}

describe('the control file', () => {
  test('says what was written last, and is as large whatever it says', async () => {
    const file = new ControlFile(nodeDisk, new OpenFiles(), folder.path);
    expect(await read()).toBe(NOTHING_CLEARED);
    for (const facts of [NOTHING_CLEARED, OLD, NEW, factsOf('c', true)]) {
      await file.write(facts);
      expect(await read()).toEqual(facts);
      const { size, mode } = statSync(join(folder.path, 'control'));
      expect({ size, mode: mode & 0o777 }).toEqual({ size: CONTROL_FILE_LENGTH, mode: 0o600 });
    }
    await file.close();
  });

  test('one that is empty says nothing: its maker died over it', async () => {
    writeFileSync(join(folder.path, 'control'), '');
    expect(await read()).toBe(NOTHING_CLEARED);
  });

  test('no flipped bit, and no half that is lost, changes what it says', async () => {
    const file = new ControlFile(nodeDisk, new OpenFiles(), folder.path);
    await file.write(OLD);
    await file.write(NEW);
    await file.close();
    const bytes = readFileSync(join(folder.path, 'control'));
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
      const facts = await readBytes(bytes);
      bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
      if (JSON.stringify(facts) !== JSON.stringify(NEW)) throw new Error(`bit ${bit}: ${JSON.stringify(facts)}`);
    }
    for (const from of [0, 2048]) expect(await readBytes(Buffer.from(bytes).fill(0xff, from, from + 2048))).toEqual(NEW);
    expect(await readBytes(Buffer.alloc(CONTROL_FILE_LENGTH))).toBeUndefined();
    expect(await readBytes(bytes.subarray(0, 40))).toBeUndefined();
  });

  test('a write that is torn at any byte leaves what was said before or what was to be said', async () => {
    const file = new ControlFile(nodeDisk, new OpenFiles(), folder.path);
    await file.write(OLD);
    const before = readFileSync(join(folder.path, 'control'));
    await file.write(NEW);
    await file.close();
    const after = readFileSync(join(folder.path, 'control'));
    for (let at = 0; at <= CONTROL_FILE_LENGTH; at++) {
      const facts = await readBytes(Buffer.concat([after.subarray(0, at), before.subarray(at)]));
      expect([OLD, NEW]).toContainEqual(facts);
    }
  });

  test('can be overwritten on a full disk', async () => {
    const disk = new FaultyDisk(nodeDisk);
    const file = new ControlFile(disk, new OpenFiles(), folder.path);
    await file.write(OLD);
    disk.limitBytes(0);
    await file.write(NEW);
    expect(await read()).toEqual(NEW);
    await file.close();
  });

  test('one that could not be made is made by a later write, and nothing is left of the first', async () => {
    const disk = new FaultyDisk(nodeDisk);
    const file = new ControlFile(disk, new OpenFiles(), folder.path);
    disk.limitBytes(100);
    await expect(file.write(OLD)).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(await read()).toBe(NOTHING_CLEARED);
    disk.limitBytes(100);
    disk.failNext('remove', 'EIO');
    await expect(file.write(OLD)).rejects.toMatchObject({ code: 'ENOSPC' });
    disk.heal();
    await file.write(NEW);
    expect(await read()).toEqual(NEW);
    await file.close();
  });

  test('a write that hung does not overwrite a later one when it goes on', async () => {
    const disk = new FaultyDisk(nodeDisk);
    const file = new ControlFile(disk, new OpenFiles(), folder.path);
    await file.write(NOTHING_CLEARED);
    disk.hang('write');
    const writes = [OLD, factsOf('c'), NEW].map((facts) => file.write(facts));
    disk.release();
    await Promise.all(writes);
    expect(await read()).toEqual(NEW);
    await file.close();
  });

  test('one that cannot be read may have said anything', async () => {
    const disk = new FaultyDisk(nodeDisk);
    await new ControlFile(nodeDisk, new OpenFiles(), folder.path).write(OLD);
    for (const operation of ['list', 'read'] as const) {
      disk.failNext(operation, 'EIO');
      expect(await ControlFile.read(disk, folder.path)).toBeUndefined();
    }
  });
});
