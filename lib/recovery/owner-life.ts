/**
 * Whether the process that a folder belongs to is gone. Where that cannot be known for sure the answer errs on the side of
 * life: a log that waits for its next reader loses nothing, one that is read while it is written may.
 */
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { isAnswered } from './alive-socket.js';
import { OWNER_NAME, readOwner, readStartTicks, type LogOwner } from './log-owner.js';

/** How often an owner touches its `owner.json`, for those who can see nothing else of it. */
export const TOUCH_INTERVAL_MS = 10_000;

/** What was not touched for so long has no owner any more. */
const SILENCE_MS = 60_000;

/**
 * Whether the owner of `folder` is gone.
 *
 * @param self the owner of the folder of this process
 * @param readTimeMs the time as the file system has it, in milliseconds: it need not be this machine's
 * @throws the system's error where it does not let us see
 */
export async function isOwnerGone(folder: string, self: LogOwner, readTimeMs: () => Promise<number>): Promise<boolean> {
  const isSilent = async (path: string): Promise<boolean> => {
    const [nowMs, { mtimeMs }] = [await readTimeMs(), await lstat(path)];
    return nowMs - mtimeMs > SILENCE_MS;
  };
  const file = join(folder, OWNER_NAME);
  const owner = await readOwner(file);
  // Still being made, or left when it was.
  if (owner === undefined) return !(await isAnswered(folder)) && (await isSilent(folder));
  switch (whereIs(owner, self)) {
    case 'elsewhere':
      return isSilent(file);
    case 'before the last start':
      return true;
    default:
  }
  if (owner.showsLifeBy === 'socket') return !(await isAnswered(folder));
  // The number of a process means something on its host only; and containers with one host name may still count apart.
  if (owner.host === self.host && !(await isProcessGone(owner))) return false;
  return (owner.host === self.host && owner.startTicks === undefined) || isSilent(file);
}

function whereIs(owner: LogOwner, self: LogOwner): 'here' | 'elsewhere' | 'before the last start' {
  if (owner.bootId !== undefined && owner.bootId === self.bootId) return 'here';
  if (owner.host !== self.host) return 'elsewhere';
  return owner.bootId === undefined || self.bootId === undefined ? 'here' : 'before the last start';
}

async function isProcessGone({ pid, startTicks }: LogOwner): Promise<boolean> {
  if (startTicks !== undefined) return (await readStartTicks(pid)) !== startTicks;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
