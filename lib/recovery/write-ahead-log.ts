/**
 * The log of one service in one process: the writes that Redis has not confirmed, on the disk and, as the last write of each
 * key, in memory. What it holds is what Redis has to be told, and what reads of this process have to see meanwhile.
 *
 * 1. A write it says is `logged` survives the death of the process at any moment, and is replayed by the next one (G7).
 * 2. It is bounded by `maxBytes`; what does not fit is remembered less precisely, never forgotten (G14). 3. Nothing here
 * throws or rejects because of the disk; what became of a write is told.
 */
import type { Clock } from '../base/clock.js';
import type { HybridClock } from '../base/hybrid-clock.js';
import type { Random } from '../base/random.js';
import { expiryOfSealed, kindOfSealed, shiftEnvelope } from '../codec/envelope.js';
import { CONTROL_FILE, CONTROL_FILE_LENGTH, ControlFile, type LogPoint } from './control-file.js';
import { withinDeadline } from './disk-deadline.js';
import type { LogOutcome } from './log-batch.js';
import { LogConfirmations } from './log-confirmations.js';
import type { LogDisk } from './log-disk.js';
import { LogEntry } from './log-entry.js';
import { SavedFacts } from './saved-facts.js';
import { LogIndex } from './log-index.js';
import { Adoption, loadLog } from './log-loader.js';
import { LogReclaimer } from './log-reclaimer.js';
import type { LogTrouble } from './log-trouble.js';
import { LogWriter } from './log-writer.js';
import { SegmentChain } from './segment-chain.js';

/** What a log is made of. */
export interface WriteAheadLogParts {
  readonly disk: LogDisk;
  /** Its own folder, which is there; `undefined` when none could be made: nothing can be logged then. */
  readonly folder: string | undefined;
  readonly clock: Clock;
  readonly hybridClock: HybridClock;
  readonly random: Random;
  readonly fsync: 'always' | 'interval' | 'never';
  readonly fsyncIntervalMs: number;
  readonly maxBytes: number;
  readonly maxAgeMs: number;
  /** Facts about whose log this is, for people who look into the file. */
  readonly about: Readonly<Record<string, unknown>>;
  readonly onTrouble: (trouble: LogTrouble) => void;
}

const MAX_SEGMENT_BYTES = 4 * 1024 * 1024;
const MIN_SEGMENT_BYTES = 4096;

/** See the file's header. */
export class WriteAheadLog {
  readonly index = new LogIndex();
  readonly #parts: WriteAheadLogParts;
  readonly #chain: SegmentChain;
  readonly #writer: LogWriter;
  readonly #control: ControlFile | undefined;
  readonly #facts: SavedFacts;
  readonly #confirmations: LogConfirmations;
  readonly #maxRecordBytes: number;
  readonly #adoptedFolders: string[] = [];
  #isRebased: boolean;

  private constructor(parts: WriteAheadLogParts) {
    this.#parts = parts;
    const { disk, folder, clock, random, maxBytes, maxAgeMs, hybridClock, onTrouble } = parts;
    const { index } = this;
    this.#control = folder === undefined ? undefined : new ControlFile(disk, folder);
    this.#facts = new SavedFacts(clock, index, this.#control, () => this.#pointNow());
    const segmentBytes = Math.max(MIN_SEGMENT_BYTES, Math.min(MAX_SEGMENT_BYTES, Math.floor(maxBytes / 16)));
    // Held back: the segment in use, those that records are copied to before the file they come from is removed, and the
    // control file.
    const limitBytes = maxBytes - 3 * segmentBytes - CONTROL_FILE_LENGTH;
    this.#maxRecordBytes = Math.floor(limitBytes / 2);
    this.#chain = new SegmentChain({
      disk,
      folder,
      clock,
      random,
      index,
      segmentBytes,
      syncsNames: parts.fsync === 'always',
      about: JSON.stringify(parts.about),
    });
    const reclaimer = new LogReclaimer({
      disk,
      clock,
      index,
      chain: this.#chain,
      limitBytes,
      copyBytes: 2 * segmentBytes,
      maxAgeMs,
      nowMs: () => hybridClock.nowMs(),
      giveUpAll: () => this.#giveUpAll(),
      onTrouble,
    });
    this.#confirmations = new LogConfirmations(this.#chain, limitBytes + segmentBytes);
    this.#writer = new LogWriter({
      clock,
      index,
      chain: this.#chain,
      reclaimer,
      facts: this.#facts,
      confirmations: this.#confirmations,
      fsync: parts.fsync,
      fsyncIntervalMs: parts.fsyncIntervalMs,
      onTrouble,
    });
    this.#isRebased = hybridClock.isAnchored;
  }

  /** Opens an empty log. Never rejects: where the disk refuses, nothing can be logged, and that is told. */
  static async open(parts: WriteAheadLogParts): Promise<WriteAheadLog> {
    const log = new WriteAheadLog(parts);
    if (parts.folder !== undefined && !(await log.#facts.prepare())) {
      parts.onTrouble({ kind: 'disk-failed', count: 0, error: log.#facts.error, isFirst: true });
    }
    return log;
  }

  /** Bytes on the disk. */
  get bytes(): number {
    return this.#chain.bytes;
  }

  /** Whether Redis has been told everything. */
  get isEmpty(): boolean {
    return this.index.isEmpty;
  }

  /** Whether it has no entry and no file with records. */
  get isBlank(): boolean {
    return this.index.size === 0 && this.#chain.size === 0;
  }

  /** Why nothing can be written to the disk; `undefined` while it can. */
  get diskError(): unknown {
    return this.#writer.diskError;
  }

  /**
   * Logs a write that Redis has not confirmed. From the call on, {@link find} answers with it.
   *
   * @param isUnderWay whether it is being sent to Redis at the same time
   */
  put(key: string, sealed: string | Buffer, version: string, isUnderWay = false): Promise<LogOutcome> {
    const isDeletion = kindOfSealed(sealed) === 'd';
    // What is this large fits no segment; its key does.
    const isTooLarge = !isDeletion && this.#isTooLarge(key, sealed);
    const kind = isDeletion ? 'deletion' : isTooLarge ? 'dropped' : 'value';
    const isLocalTime = !this.#parts.hybridClock.isAnchored;
    const entry = new LogEntry(key, kind, version, isLocalTime, expiryOfSealed(sealed), isTooLarge ? undefined : sealed);
    entry.isUnderWay = isUnderWay;
    this.rebase();
    // What is newer stands for it, and may still be on its way to the disk.
    if (!this.index.put(entry)) return this.#writer.write(this.index.find(key) ?? entry);
    if (!isTooLarge) return this.#writer.write(entry);
    this.#parts.onTrouble({ kind: 'values-given-up', count: 1 });
    return this.#writer.write(entry).then((outcome) => (outcome === 'logged' ? 'kept' : outcome));
  }

  /** Logs that everything of the service older than `version` is invalidated. */
  async clear(version: string): Promise<LogOutcome> {
    this.rebase();
    this.index.clear({ version, isLocalTime: !this.#parts.hybridClock.isAnchored });
    return (await this.#writer.saveFacts()) ? 'logged' : 'lost';
  }

  /** The last write of a key that Redis has not confirmed; `undefined` when there is none. */
  find(key: string): LogEntry | undefined {
    if (this.index.size === 0) return undefined;
    this.rebase();
    return this.index.find(key);
  }

  /** The sealed entry of a write; `undefined` when its value was given up or cannot be read. */
  read(entry: LogEntry): Buffer | undefined {
    if (entry.kind === 'dropped') return undefined;
    const sealed = entry.sealed === undefined ? this.#readFromDisk(entry) : Buffer.from(entry.sealed);
    if (sealed === undefined || entry.shiftMs === 0) return sealed;
    return shiftEnvelope(sealed, entry.shiftMs);
  }

  /**
   * Redis has this version of a key, or a newer one: what is logged of it up to that version is done with. Whether the disk
   * may still have an older one: should the process die before {@link settle}, and Redis forget this one, that would come back.
   */
  confirm(key: string, version: string): boolean {
    const entry = this.index.find(key);
    if (entry === undefined) return this.#chain.size > 0 && this.#writer.isUnsaid(key);
    if (entry.version > version) return false;
    this.index.remove(entry);
    this.#writer.confirm(entry);
    return entry.version < version;
  }

  /** Redis has nothing any more from before `point`. */
  async confirmInvalidation(point: LogPoint): Promise<void> {
    this.index.confirmInvalidation(point);
    await this.#writer.saveFacts();
  }

  /** Takes over the logs of processes that are gone. */
  async adopt(folders: readonly string[]): Promise<void> {
    const adoption = new Adoption();
    const unreadable: string[] = [];
    for (const folder of folders) {
      const loaded = await loadLog(this.#parts.disk, this.#parts.clock, folder, this.index, adoption);
      this.#chain.adopt(loaded.segments);
      // What this process writes from now on is newer than what that one wrote.
      if (loaded.newestVersion !== '') this.#parts.hybridClock.observe(loaded.newestVersion);
      this.#adoptedFolders.push(folder);
      unreadable.push(...loaded.unreadable);
      const { lost, invalidated } = loaded;
      if (loaded.isDoubtful || loaded.unreadable.length > 0) this.index.invalidate(this.#pointNow());
      if (lost > 0 || invalidated > 0) this.#parts.onTrouble({ kind: 'damaged', lost, invalidated });
    }
    if (folders.length === 0) return;
    for (const [key, point] of adoption.crossing()) this.#confirmations.repeat(key, point);
    this.#isRebased = false;
    this.rebase();
    const { disk, clock } = this.#parts;
    if (await this.#writer.saveFacts()) {
      // Everything is invalidated in their place; read later, they would bring back what is old by then.
      for (const path of unreadable) await withinDeadline(clock, disk.remove(path)).catch(() => undefined);
    }
    await this.settle();
  }

  /** Resolves when everything that was to be written is written or given up; what is not needed any more is removed. */
  async settle(): Promise<void> {
    await this.#writer.settle();
    await this.#removeEmptyFolders();
  }

  /** Settles, then lets go of the files. Where Redis was told everything, nothing is left of them. */
  async close(): Promise<void> {
    await this.settle();
    await this.#writer.close();
    await this.#chain.close();
    const { clock, folder } = this.#parts;
    if (this.#control !== undefined) await withinDeadline(clock, this.#control.close()).catch(() => undefined);
    if (this.index.isEmpty && folder !== undefined) await this.#removeFolder(folder);
  }

  /** Entries from before the first contact with Redis are put on its clock as soon as that is known. */
  rebase(): void {
    if (this.#isRebased || !this.#parts.hybridClock.isAnchored) return;
    this.#isRebased = true;
    this.index.rebase(this.#parts.hybridClock.firstOffsetMs);
  }

  #pointNow(): LogPoint {
    const { hybridClock } = this.#parts;
    return { version: hybridClock.versionOf(hybridClock.stamp()), isLocalTime: !hybridClock.isAnchored };
  }

  #isTooLarge(key: string, sealed: string | Buffer): boolean {
    if (typeof sealed === 'string' && (sealed.length + key.length) * 3 < this.#maxRecordBytes) return false;
    return Buffer.byteLength(sealed) + Buffer.byteLength(key) > this.#maxRecordBytes;
  }

  #readFromDisk(entry: LogEntry): Buffer | undefined {
    const { segment } = entry;
    if (segment === undefined) return undefined;
    const sealed = Buffer.allocUnsafe(entry.bodyLength);
    try {
      const read = segment.file.readSync(sealed, entry.offset + entry.length - entry.bodyLength);
      return read === sealed.length ? sealed : undefined;
    } catch {
      return undefined;
    }
  }

  async #giveUpAll(): Promise<void> {
    const count = this.index.size;
    this.rebase();
    this.index.clear(this.#pointNow());
    if (!(await this.#facts.save())) throw this.#facts.error;
    await this.#chain.tidy();
    this.#parts.onTrouble({ kind: 'service-invalidated', count });
  }

  /** Removes adopted folders whose segments are gone, once this log's own control file says what theirs do. */
  async #removeEmptyFolders(): Promise<void> {
    if (this.#adoptedFolders.length === 0 || !(await this.#facts.save())) return;
    const left: string[] = [];
    for (const folder of this.#adoptedFolders.splice(0)) if (!(await this.#removeFolder(folder))) left.push(folder);
    this.#adoptedFolders.push(...left);
  }

  /** Removes a folder in which there are no segments; whether it is gone. */
  async #removeFolder(folder: string): Promise<boolean> {
    const { disk, clock } = this.#parts;
    const remove = async (): Promise<boolean> => {
      if ((await disk.list(folder)).some((name) => name !== CONTROL_FILE)) throw new Error(`${folder} is not empty`);
      await disk.remove(`${folder}/${CONTROL_FILE}`);
      await disk.remove(folder);
      return true;
    };
    return withinDeadline(clock, remove()).catch(() => false);
  }
}
