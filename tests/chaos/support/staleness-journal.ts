/** Reads what the processes of a staleness run wrote down, one JSON array a line, and makes it the judge's history. */
import type { ReaderRecord, ReadRecord, Span, WriteRecord } from './staleness-judge.js';

/** What one process wrote down. */
export interface ProcessJournal {
  readonly writes: readonly WriteRecord[];
  readonly reads: readonly ReadRecord[];
  /** When it did not run. */
  readonly stalls: readonly Span[];
  /** When its link was down. */
  readonly losses: readonly Span[];
  /** When its link was seen to be back. */
  readonly restoredMs: readonly number[];
  /** When it had told Redis everything, after it had owed something. */
  readonly settledMs: readonly number[];
  /** The values it loaded, and until when Redis may not have been told of them. */
  readonly unconfirmedUntilMs: ReadonlyMap<string, number>;
  readonly readCount: number;
  readonly memoryHits: number;
}

type Line =
  /** A value: id, key, tags, started, acknowledged, whether Redis has it (`null`: the call failed). */
  | ['w', string, string, string[], number, number, boolean | null]
  /** A load: id, key, tags, started, loader called. */
  | ['l', string, string, string[], number, number]
  /** A removal: kind, key or tags, started, acknowledged, whether Redis has it (`null`: the call failed). */
  | ['d', 'removal' | 'tags' | 'clear', string | string[] | null, number, number, boolean | null]
  /** A read: call, key, id (`null`: a miss), started. */
  | ['r', string, string, string | null, number]
  /** The process did not run: from, to. */
  | ['s', number, number]
  /** The link is up or not: when seen, when last seen otherwise, whether it is up. */
  | ['k', number, number, boolean]
  /** Everything owed is in Redis: when seen. */
  | ['o', number]
  /** What it was told by others, for whoever looks for the cause of a finding: when, why, of which keys. */
  | ['i', number, string, string[]];

/** Reads one file's text. */
export function parseStalenessJournal(text: string): ProcessJournal {
  const writes: WriteRecord[] = [];
  const reads: ReadRecord[] = [];
  const stalls: Span[] = [];
  const losses: Span[] = [];
  const restoredMs: number[] = [];
  const settledMs: number[] = [];
  const unconfirmedUntilMs = new Map<string, number>();
  let owed: WriteRecord[] = [];
  let unconfirmed: string[] = [];
  let lostMs: number | undefined;
  let readCount = 0;
  let memoryHits = 0;
  const take = (write: Omit<WriteRecord, 'effectiveMs' | 'bindingMs'>, ackedMs: number, isInRedis: boolean | null): void => {
    const done = { ...write, effectiveMs: ackedMs, bindingMs: ackedMs };
    if (isInRedis === true) writes.push(done);
    else if (isInRedis === false) owed.push(done);
    else writes.push({ ...write, effectiveMs: Infinity, bindingMs: Infinity });
  };
  for (const each of text.split('\n')) {
    if (each === '') continue;
    const line = JSON.parse(each) as Line;
    if (line[0] === 'w') {
      const [, id, key, tags, startedMs, ackedMs, isInRedis] = line;
      take({ kind: 'value', id, key, tags, startedMs }, ackedMs, isInRedis);
    } else if (line[0] === 'l') {
      const [, id, key, tags, startedMs, effectiveMs] = line;
      writes.push({ kind: 'value', id, key, tags, startedMs, effectiveMs, bindingMs: Infinity });
      unconfirmed.push(id);
    } else if (line[0] === 'd') {
      const [, kind, what, startedMs, ackedMs, isInRedis] = line;
      const names = Array.isArray(what) ? { tags: what } : what === null ? {} : { key: what };
      take({ kind, ...names, startedMs }, ackedMs, isInRedis);
    } else if (line[0] === 'r') {
      const [, how, key, id, startedMs] = line;
      readCount++;
      if (how === 'peek' && id !== null) memoryHits++;
      if (id !== null) reads.push({ how, key, id, startedMs });
    } else if (line[0] === 's') {
      stalls.push([line[1], line[2]]);
    } else if (line[0] === 'k') {
      const [, atMs, beforeMs, isUp] = line;
      if (!isUp) lostMs ??= beforeMs;
      else if (lostMs !== undefined) {
        losses.push([lostMs, atMs]);
        restoredMs.push(atMs);
        lostMs = undefined;
      }
    } else if (line[0] === 'o') {
      settledMs.push(line[1]);
      writes.push(...owed.map((write) => ({ ...write, effectiveMs: line[1], bindingMs: line[1] })));
      owed = [];
      for (const id of unconfirmed) unconfirmedUntilMs.set(id, line[1]);
      unconfirmed = [];
    }
  }
  writes.push(...owed.map((write) => ({ ...write, effectiveMs: Infinity, bindingMs: Infinity })));
  for (const id of unconfirmed) unconfirmedUntilMs.set(id, Infinity);
  if (lostMs !== undefined) losses.push([lostMs, Infinity]);
  return { writes, reads, stalls, losses, restoredMs, settledMs, unconfirmedUntilMs, readCount, memoryHits };
}

/** What the judge is told of a process that reads. */
export function readerOf(
  name: string,
  { reads, stalls, losses, restoredMs, unconfirmedUntilMs }: ProcessJournal,
  proxy: { readonly stalls: readonly Span[]; readonly disturbed: readonly Span[] },
  bypassMs: number | undefined,
): ReaderRecord {
  const times = {
    stalls: [...stalls, ...proxy.stalls],
    linkLosses: [...losses, ...proxy.disturbed],
    restoredMs,
    unconfirmedUntilMs,
  };
  return { name, reads, ...times, ...(bypassMs === undefined ? {} : { bypassMs }) };
}
