/**
 * What `owner.json` says: which process a folder belongs to, on which machine and since which start of it. Only what can be
 * read without doubt counts; anything else is as good as no file.
 */
import { lstat, readFile } from 'node:fs/promises';
import { hostname } from 'node:os';

/** The file's name in the folder of a process. */
export const OWNER_NAME = 'owner.json';

/** What is in the file. */
export interface LogOwner {
  readonly processId: string;
  readonly pid: number;
  readonly host: string;
  /** Changes with every start of the machine; absent where the system does not tell. Containers of one machine share it. */
  readonly bootId?: string;
  /** When the process opened the folder, in milliseconds since the epoch: for who looks at the file. */
  readonly startedAtMs: number;
  /** When the system started the process, in its own unit; with the pid it names one process. Absent where it is not told. */
  readonly startTicks?: string;
  /** What vanishes with the process: a socket in its folder, or, where there cannot be one, the process itself. */
  readonly showsLifeBy: 'socket' | 'pid';
}

/** More than the file ever has. */
const MAX_FILE_BYTES = 4096;

/** The place of the start time in the `stat` of a process, counted from what follows the name of its program. */
const START_TICKS_INDEX = 19;

async function readLine(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').then(
    (text) => text.trim(),
    () => undefined,
  );
}

/** When the system started a process, in its own unit; `undefined` when there is no such process, or the system does not tell. */
export async function readStartTicks(pid: number): Promise<string | undefined> {
  const stat = await readLine(`/proc/${pid}/stat`);
  // The program's name stands in brackets and may hold anything, brackets too.
  return stat
    ?.slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .at(START_TICKS_INDEX);
}

/** Describes this process as the owner of the folder `processId`. */
export async function describeOwner(
  processId: string,
  startedAtMs: number,
  showsLifeBy: LogOwner['showsLifeBy'],
): Promise<LogOwner> {
  const [bootId, startTicks] = await Promise.all([readLine('/proc/sys/kernel/random/boot_id'), readStartTicks(process.pid)]);
  return {
    processId,
    pid: process.pid,
    host: hostname(),
    ...(bootId === undefined ? {} : { bootId }),
    startedAtMs,
    ...(startTicks === undefined ? {} : { startTicks }),
    showsLifeBy,
  };
}

/** Reads an `owner.json`; `undefined` when there is none, or none that can be read as one. */
export async function readOwner(path: string): Promise<LogOwner | undefined> {
  try {
    const facts = await lstat(path);
    // Reading anything but a file could take for ever.
    if (!facts.isFile() || facts.size > MAX_FILE_BYTES) return undefined;
    const owner: unknown = JSON.parse(await readFile(path, 'utf8'));
    return isOwner(owner) ? owner : undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (error instanceof SyntaxError || code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

function isOwner(value: unknown): value is LogOwner {
  if (typeof value !== 'object' || value === null) return false;
  const { pid, host, bootId, startTicks, showsLifeBy } = value as Partial<Record<keyof LogOwner, unknown>>;
  return (
    typeof pid === 'number' &&
    Number.isSafeInteger(pid) &&
    pid > 0 &&
    typeof host === 'string' &&
    (bootId === undefined || typeof bootId === 'string') &&
    (startTicks === undefined || typeof startTicks === 'string') &&
    (showsLifeBy === 'socket' || showsLifeBy === 'pid')
  );
}
