/**
 * A disk of a known size, small enough to be filled: a file system in memory, which only root on Linux may mount. It is
 * unmounted with the test that asked for it, and at the latest when the test process ends, however it does.
 */
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const UNMOUNT = 'umount "$1" 2>/dev/null || umount -l "$1" 2>/dev/null';

/** A mounted disk. */
export interface SmallDisk {
  /** Where it is. */
  readonly path: string;
  /** Takes the whole rest of the disk with a file, except for `leftBytes`. */
  fill(leftBytes?: number): void;
  /** Removes that file. */
  free(): void;
  /** Lets nothing be written any more. */
  makeReadOnly(): void;
  /** May be called again. */
  unmount(): void;
}

/** Mounts a disk of `sizeKib` at `path`, which is made; `undefined` where that is not allowed. */
export function mountSmallDisk(path: string, sizeKib = 1024): SmallDisk | undefined {
  if (process.platform !== 'linux') return undefined;
  mkdirSync(path, { recursive: true });
  if (!succeeds('mount', '-t', 'tmpfs', '-o', `size=${sizeKib}k,mode=0700`, 'tmpfs', path)) return undefined;
  // Unmounts when its input ends, which is when this process says so or is no more.
  const reaper = spawn('sh', ['-c', `read -r line; ${UNMOUNT}`, 'reaper', path], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  reaper.stdin.on('error', () => undefined);
  reaper.unref();
  (reaper.stdin as unknown as { unref(): void }).unref();
  const filler = join(path, 'filler');
  return {
    path,
    fill: (leftBytes = 0) => {
      fillUp(filler, leftBytes);
    },
    free: () => {
      rmSync(filler, { force: true });
    },
    makeReadOnly: () => {
      if (!succeeds('mount', '-o', 'remount,ro', path)) throw new Error(`${path} cannot be made read-only`);
    },
    unmount: () => {
      succeeds('sh', '-c', UNMOUNT, 'unmount', path);
      reaper.stdin.end('done\n');
    },
  };
}

/** Whether this process may mount disks. */
export function canMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'ox-mount-'));
  const disk = mountSmallDisk(folder);
  disk?.unmount();
  rmSync(folder, { recursive: true, force: true });
  return disk !== undefined;
}

function succeeds(command: string, ...args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

/** Writes until nothing more goes in, then gives `leftBytes` back. */
function fillUp(file: string, leftBytes: number): void {
  const page = Buffer.alloc(4096, 'x');
  const reserve = `${file}.reserve`;
  const keep = openSync(reserve, 'w');
  for (let left = leftBytes; left > 0; left -= page.length) writeSync(keep, page);
  closeSync(keep);
  const filler = openSync(file, 'w');
  try {
    for (;;) if (writeSync(filler, page) < page.length) break;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    closeSync(filler);
  }
  rmSync(reserve);
}
