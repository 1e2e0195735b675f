/** A log over a real folder and a clock that stands still, and what a process finds that takes it over after a crash. */
import { mkdirSync, renameSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { HybridClock } from '../../../lib/base/hybrid-clock.js';
import { sealEnvelope } from '../../../lib/codec/envelope.js';
import { FORMAT_TAG } from '../../../lib/codec/format-tag.js';
import type { LogDisk } from '../../../lib/recovery/log-disk.js';
import type { LogTrouble } from '../../../lib/recovery/log-trouble.js';
import { OpenFiles } from '../../../lib/recovery/open-files.js';
import { nodeDisk } from '../../../lib/recovery/node-disk.js';
import type { WriteAheadLogParts } from '../../../lib/recovery/log-parts.js';
import { WriteAheadLog } from '../../../lib/recovery/write-ahead-log.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';

/** A log and what it is made of. */
export interface Bench {
  readonly log: WriteAheadLog;
  readonly clock: FakeClock;
  readonly hybridClock: HybridClock;
  readonly folder: string;
  readonly troubles: LogTrouble[];
  /** The version of a new write. */
  version(): string;
}

/** What may differ from the usual log. */
export type BenchOptions = Partial<
  Pick<
    WriteAheadLogParts,
    'fsync' | 'fsyncIntervalMs' | 'maxBytes' | 'maxAgeMs' | 'disk' | 'openFiles' | 'formatTag' | 'makeFolder' | 'onAdopted'
  >
> & {
  readonly clock?: FakeClock;
  /** Whether the clock has not been compared with Redis's. */
  readonly isUnanchored?: boolean;
  readonly nodeId?: string;
};

const HOUR_MS = 3_600_000;

/** Opens a log in `folder`, which is made. */
export async function openBench(folder: string, options: BenchOptions = {}): Promise<Bench> {
  const { clock = new FakeClock(), nodeId = 'node001', isUnanchored = false, ...parts } = options;
  const hybridClock = new HybridClock(clock, nodeId);
  if (!isUnanchored) hybridClock.anchor(clock.nowMs(), clock.nowMs(), clock.nowMs());
  const troubles: LogTrouble[] = [];
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  let seed = 1;
  const log = new WriteAheadLog({
    disk: nodeDisk,
    openFiles: new OpenFiles(),
    folder,
    makeFolder: () => (parts.disk ?? nodeDisk).makeFolder(folder),
    clock,
    hybridClock,
    // Any numbers will do: they are the salts of the files.
    random: () => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647,
    fsync: 'never',
    fsyncIntervalMs: 100,
    maxBytes: 64 * 1024 * 1024,
    maxAgeMs: HOUR_MS,
    formatTag: FORMAT_TAG,
    about: { service: 'test' },
    // That all went well is no trouble.
    onTrouble: (trouble) => trouble.kind !== 'adopted' && troubles.push(trouble),
    onAdopted: () => undefined,
    ...parts,
  });
  await log.prepare();
  return { log, clock, hybridClock, folder, troubles, version: () => hybridClock.versionOf(hybridClock.stamp()) };
}

/** A sealed entry as the client hands it over; without a value it is a deletion's mark. */
export function seal(version: string, value: string | undefined, ttlMs = HOUR_MS): string {
  const createdAtMs = Number(version.slice(0, 13));
  const endMs = createdAtMs + ttlMs;
  const kind = value === undefined ? 'd' : 'v';
  const codec = value === undefined ? '-' : 'j';
  const header = { kind, version, codec, compression: '-', createdAtMs, freshUntilMs: endMs, expiresAtMs: endMs } as const;
  return sealEnvelope(header, value ?? '') as string;
}

/** The process of a log is gone, without a word: another one has taken its folder over, over a disk without faults. */
export async function takeOver({ folder, clock }: Bench, disk: LogDisk = nodeDisk): Promise<Bench> {
  clock.advance(1);
  const heir = await openBench(`${folder}-heir`, { clock, disk, nodeId: 'node002' });
  const adopted = `${heir.folder}.from-dead`;
  renameSync(folder, adopted);
  await adopt(heir, [adopted]);
  return heir;
}

/** Takes logs over; resolves when that is done. */
export async function adopt({ log }: Bench, folders: readonly string[]): Promise<void> {
  const { end } = await log.adopt(folders);
  await end;
}

/** How far the clock is moved at once, and how long a disk that works may take before. */
const STEP_MS = 250;
const PATIENCE_MS = 25;

/** Moves the clock on whenever the work makes no progress; for disks that hang. */
export async function outlast<T>({ clock }: Bench, work: Promise<T>): Promise<{ readonly result: T; readonly waitedMs: number }> {
  const progress = { isDone: false };
  const settled = work.finally(() => {
    progress.isDone = true;
  });
  settled.catch(() => undefined);
  let waitedMs = 0;
  for (;;) {
    const patientUntilMs = performance.now() + PATIENCE_MS;
    while (!progress.isDone && performance.now() < patientUntilMs) await turn();
    if (progress.isDone) return { result: await settled, waitedMs };
    if (waitedMs > 60_000) throw new Error('The work does not end');
    clock.advance(STEP_MS);
    waitedMs += STEP_MS;
  }
}
