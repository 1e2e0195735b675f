/**
 * The log of one service in one process: the writes that Redis has not confirmed, on the disk and, as the last write of each
 * key, in memory. What it holds is what Redis has to be told, and what reads of this process have to see meanwhile.
 *
 * 1. A write it says is `logged` survives the death of the process at any moment, and is replayed by the next one (G7).
 * 2. It is bounded by `maxBytes`; what does not fit is remembered less precisely, never forgotten (G14). 3. Nothing here
 * throws or rejects because of the disk; what became of a write is told.
 */
import { TimeSlices } from '../base/time-slices.js';
import { expiryOfSealed, kindOfSealed, shiftEnvelope, withFormatTag } from '../codec/envelope.js';
import { AdoptedFolders } from './adopted-folders.js';
import { CONTROL_FILE_LENGTH, ControlFile, type LogPoint } from './control-file.js';
import { withinDeadline } from './disk-deadline.js';
import type { LogOutcome } from './log-batch.js';
import { LogConfirmations } from './log-confirmations.js';
import { LogEntry } from './log-entry.js';
import { SavedFacts } from './saved-facts.js';
import { LogIndex } from './log-index.js';
import { LogAdoption } from './log-adoption.js';
import type { FoundLog } from './log-loader.js';
import type { WriteAheadLogParts } from './log-parts.js';
import { LogReclaimer } from './log-reclaimer.js';
import { LogWriter } from './log-writer.js';
import { SegmentChain } from './segment-chain.js';

/** Logs that take no more are read in a moment. */
const SMALL_BYTES = 4 * 1024 * 1024;
const MAX_SEGMENT_BYTES = 4 * 1024 * 1024;
const MIN_SEGMENT_BYTES = 4096;
/** A file up to here may be a segment, however small this log is: the process that is gone may have had a larger one. */
const MIN_FILE_BOUND = 64 * 1024 * 1024;

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
  readonly #adoption: LogAdoption;
  readonly #adoptedFolders: AdoptedFolders;
  #lastAdoption: Promise<void> = Promise.resolve();
  #lastSweep: Promise<void> = Promise.resolve();
  #isRebased: boolean;

  /** Makes an empty log, which touches the disk only when it is {@link prepare}d or used. */
  constructor(parts: WriteAheadLogParts) {
    this.#parts = parts;
    const { disk, openFiles, folder, clock, random, maxBytes, maxAgeMs, hybridClock, onTrouble } = parts;
    const { index } = this;
    const place = { disk, openFiles };
    this.#adoptedFolders = new AdoptedFolders(disk, clock);
    const pointNow = (): LogPoint => this.#pointNow();
    const remakeFolder = async (): Promise<void> => {
      await withinDeadline(clock, parts.makeFolder());
      // Where the folder was gone, its files are.
      this.#writer.checkFiles();
    };
    this.#control = folder === undefined ? undefined : new ControlFile(disk, openFiles, folder);
    this.#facts = new SavedFacts(clock, index, this.#control, pointNow, remakeFolder);
    const segmentBytes = Math.max(MIN_SEGMENT_BYTES, Math.min(MAX_SEGMENT_BYTES, Math.floor(maxBytes / 16)));
    // Held back: the segment in use, those that records are copied to before the file they come from is removed, and the
    // control file.
    const limitBytes = maxBytes - 3 * segmentBytes - CONTROL_FILE_LENGTH;
    this.#maxRecordBytes = Math.floor(limitBytes / 2);
    this.#chain = new SegmentChain({
      place,
      folder,
      clock,
      random,
      index,
      segmentBytes,
      syncsNames: parts.fsync === 'always',
      about: JSON.stringify(parts.about),
    });
    const reclaimer = new LogReclaimer({
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
      remakeFolder,
      onTrouble,
    });
    this.#adoption = new LogAdoption({
      place,
      clock,
      hybridClock,
      index,
      chain: this.#chain,
      confirmations: this.#confirmations,
      // No log has a file that is larger than a log may be.
      maxFileBytes: Math.max(maxBytes, MIN_FILE_BOUND),
      pointNow,
      onTrouble,
      onAdopted: parts.onAdopted,
    });
    this.#isRebased = hybridClock.isAnchored;
  }

  /** Makes the files that need no room later. Never rejects: where the disk refuses, that is told. */
  async prepare(): Promise<void> {
    const { folder, onTrouble } = this.#parts;
    if (folder === undefined || (await this.#facts.prepare())) return;
    onTrouble({ kind: 'disk-failed', count: 0, error: this.#facts.error, isFirst: true });
  }

  /** Bytes on the disk. */
  get bytes(): number {
    return this.#chain.bytes;
  }

  /** Whether Redis has been told everything. */
  get isEmpty(): boolean {
    return this.index.isEmpty;
  }

  /** Whether it has no entry and no file with records, and takes none over. */
  get isBlank(): boolean {
    return this.index.size === 0 && this.#chain.size === 0 && this.#adoption.logs === 0;
  }

  /** The logs that are being taken over, and the keys that were read of them so far. */
  get adopting(): { readonly logs: number; readonly keys: number } {
    return this.#adoption;
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
    const point = { version, isLocalTime: !this.#parts.hybridClock.isAnchored };
    this.index.clear(point);
    this.#adoption.clear(point);
    this.#sweep();
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
    const { formatTag } = this.#parts;
    const logged = entry.sealed === undefined ? entry.readBody() : Buffer.from(entry.sealed);
    return logged === undefined ? undefined : shiftEnvelope(withFormatTag(logged, formatTag), entry.shiftMs, formatTag);
  }

  /**
   * Redis has this version of a key, or a newer one: what is logged of it up to that version is done with. Whether the disk
   * may still have an older one: should the process die before {@link settle}, and Redis forget this one, that would come back.
   */
  confirm(key: string, version: string): boolean {
    const entry = this.index.find(key);
    this.#adoption.confirm(key, version);
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

  /**
   * Takes over the logs of processes that are gone. When this resolves, what was cleared there counts, and what is written here
   * is newer than what is there; `end` resolves when all of it is taken over. Neither rejects. `isSmall`: that takes no time to
   * speak of.
   */
  async adopt(folders: readonly string[]): Promise<{ readonly end: Promise<void>; readonly isSmall: boolean }> {
    const logs = await this.#adoption.find(folders);
    this.#sweep();
    const end = this.#lastAdoption.then(() => this.#load(logs));
    this.#lastAdoption = end;
    const bytes = logs.reduce((sum, { boundBytes }) => sum + boundBytes, 0);
    return { end, isSmall: bytes <= SMALL_BYTES };
  }

  async #load(logs: readonly FoundLog[]): Promise<void> {
    const loaded = await this.#adoption.load(logs);
    if (loaded === undefined) return;
    this.#isRebased = false;
    this.rebase();
    const { disk, clock } = this.#parts;
    const isSaid = await this.#writer.saveFacts();
    for (const { folder, unreadable, foreign } of loaded) {
      // Everything is invalidated in their place; read later, they would bring back what is old by then.
      if (isSaid) for (const path of unreadable) await withinDeadline(clock, disk.remove(path)).catch(() => undefined);
      if (foreign.length === 0) this.#adoptedFolders.add(folder);
    }
    await this.settle();
  }

  /** Resolves when everything that was to be written is written or given up; what is not needed any more is removed. */
  async settle(): Promise<void> {
    await this.#lastSweep;
    await this.#writer.settle();
    // Once this log's own control file says what theirs do.
    if (this.#adoptedFolders.size > 0 && (await this.#facts.save())) await this.#adoptedFolders.removeEmpty();
  }

  /** Settles, then lets go of the files. Where Redis was told everything, nothing is left of them. */
  async close(): Promise<void> {
    this.#adoption.stop();
    await this.#lastAdoption;
    await this.settle();
    await this.#writer.close();
    await this.#chain.close();
    const { clock, folder } = this.#parts;
    await withinDeadline(clock, this.#control?.close() ?? Promise.resolve()).catch(() => undefined);
    if (this.index.isEmpty && folder !== undefined) await this.#adoptedFolders.remove(folder);
  }

  /** Entries from before the first contact with Redis are put on its clock as soon as that is known. */
  rebase(): void {
    if (this.#isRebased || !this.#parts.hybridClock.isAnchored) return;
    this.#isRebased = true;
    this.index.rebase(this.#parts.hybridClock.firstOffsetMs);
    this.#adoption.checkFacts();
    this.#sweep();
  }

  /** Goes through the entries that a change concerns, beside other work; they are judged by it already. */
  #sweep(): void {
    const slices = new TimeSlices(this.#parts.clock);
    this.#lastSweep = Promise.all([this.#lastSweep, this.index.sweep(slices)]).then(() => undefined);
  }

  #pointNow({ hybridClock } = this.#parts): LogPoint {
    return { version: hybridClock.versionOf(hybridClock.stamp()), isLocalTime: !hybridClock.isAnchored };
  }

  #isTooLarge(key: string, sealed: string | Buffer): boolean {
    if (typeof sealed === 'string' && (sealed.length + key.length) * 3 < this.#maxRecordBytes) return false;
    return Buffer.byteLength(sealed) + Buffer.byteLength(key) > this.#maxRecordBytes;
  }

  async #giveUpAll(): Promise<void> {
    const count = this.index.size;
    this.rebase();
    this.index.clear(this.#pointNow());
    this.#sweep();
    await this.#lastSweep;
    if (!(await this.#facts.save())) throw this.#facts.error;
    await this.#chain.tidy();
    this.#parts.onTrouble({ kind: 'service-invalidated', count });
  }
}
