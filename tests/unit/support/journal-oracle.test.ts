/** The judge of the crash tests: it must notice every way of losing, and must not accuse what is right. */
import { describe, expect, test } from '@jest/globals';
import {
  judge,
  parseJournal,
  type AckResult,
  type JournalEvent,
  type ObservedValue,
} from '../../chaos/support/journal-oracle.js';

const CHECKED_AT_MS = 10_000;
const LONG_TTL_MS = 600_000;

/** Writes a journal in which a millisecond goes by per line. */
class Script {
  readonly events: JournalEvent[] = [];
  #nowMs = 1000;
  #count = 0;
  #generation = 1;

  successor(): this {
    this.#generation++;
    return this;
  }

  set(n: number, result?: AckResult, ttlMs = LONG_TTL_MS): this {
    return this.#add({ op: 'set', key: 'k', n, ttlMs }, result);
  }

  load(n: number, result?: AckResult): this {
    return this.#add({ op: 'load', key: 'k', n, ttlMs: LONG_TTL_MS }, result);
  }

  delete(result?: AckResult): this {
    return this.#add({ op: 'delete', key: 'k' }, result);
  }

  clear(result?: AckResult): this {
    return this.#add({ op: 'clear' }, result);
  }

  /** The answer to the call before the last one. */
  late(result: AckResult): this {
    this.events.push({ kind: 'acked', id: `${this.#generation}.${this.#count - 1}`, result, atMs: this.#nowMs++ });
    return this;
  }

  reject(n: number, code: string): this {
    this.#add({ op: 'set', key: 'k', n, ttlMs: LONG_TTL_MS }, undefined);
    this.events.push({ kind: 'rejected', id: this.#id(), code, atMs: this.#nowMs++ });
    return this;
  }

  read(n: number | null, isSettled = true): this {
    this.#count++;
    this.events.push({ kind: 'reading', id: this.#id(), key: 'k', isSettled, atMs: this.#nowMs++ });
    this.events.push({ kind: 'read', id: this.#id(), n, atMs: this.#nowMs++ });
    return this;
  }

  wait(ms: number): this {
    this.#nowMs += ms;
    return this;
  }

  #add(what: { op: 'set' | 'load' | 'delete' | 'clear'; key?: string; n?: number; ttlMs?: number }, result?: AckResult): this {
    this.#count++;
    this.events.push({ kind: 'began', id: this.#id(), ...what, atMs: this.#nowMs++ });
    if (result !== undefined) this.events.push({ kind: 'acked', id: this.#id(), result, atMs: this.#nowMs++ });
    return this;
  }

  #id(): string {
    return `${this.#generation}.${this.#count}`;
  }
}

function holding(n: number, expiresAtMs = 600_000): Map<string, ObservedValue> {
  return new Map([['k', { n, expiresAtMs }]]);
}

function verdict(
  script: Script,
  observed = new Map<string, ObservedValue>(),
  more: Partial<Parameters<typeof judge>[2]> = {},
): string[] {
  const options = { isQueuedDurable: false, mayGiveUpValues: false, checkedAtMs: CHECKED_AT_MS, toleranceMs: 50, ...more };
  return judge(script.events, observed, options).map(({ kind }) => kind);
}

describe('the journal oracle accuses', () => {
  test.each(['written', 'logged'] as const)('the loss of a value that was acknowledged as %s', (result) => {
    expect(verdict(new Script().set(1, result))).toEqual(['LOST']);
    expect(verdict(new Script().set(1, result).set(2))).toEqual(['LOST']);
    expect(verdict(new Script().set(1, result).load(2))).toEqual(['LOST']);
  });

  test('the loss of a queued value only where the log had it', () => {
    expect(verdict(new Script().set(1, 'queued'))).toEqual([]);
    expect(verdict(new Script().set(1, 'queued'), undefined, { isQueuedDurable: true })).toEqual(['LOST']);
  });

  test.each(['written', 'logged', 'none'] as const)('a value older than one acknowledged as %s', (result) => {
    expect(verdict(new Script().set(1, 'written').set(2, result), holding(1))).toEqual(['STALE']);
    expect(verdict(new Script().set(1, 'written').set(2, result).successor().set(3), holding(1))).toEqual(['STALE']);
  });

  test('a value that a deletion or a clear had removed', () => {
    expect(verdict(new Script().set(1, 'written').delete('done'), holding(1))).toEqual(['REVIVED']);
    expect(verdict(new Script().set(1, 'written').clear('done'), holding(1))).toEqual(['REVIVED']);
    expect(verdict(new Script().set(1, 'written').set(2, 'logged').delete('done').set(3, 'none'), holding(2))).toEqual([
      'REVIVED',
    ]);
  });

  test('a value older than one that a full log gave up', () => {
    const script = new Script().set(1, 'written').reject(2, 'CACHE_LOG_FULL');
    expect(verdict(script, holding(1), { mayGiveUpValues: true })).toEqual(['STALE']);
    expect(verdict(script, new Map(), { mayGiveUpValues: true })).toEqual([]);
    expect(verdict(script)).toContain('REJECTED');
  });

  test('a refusal that has no reason', () => {
    expect(verdict(new Script().reject(1, 'CACHE_L2_TIMEOUT'), undefined, { mayGiveUpValues: true })).toEqual(['REJECTED']);
  });

  test('an entry that lives longer than it may', () => {
    expect(verdict(new Script().set(1, 'logged', 500), holding(1, 1001 + 500 + 51))).toEqual(['OVERLONG']);
    expect(verdict(new Script().set(1, 'logged', 500), holding(1, 1001 + 500 + 50))).toEqual([]);
  });

  test('a value that nobody wrote', () => {
    expect(verdict(new Script().set(1, 'written'), holding(7))).toEqual(['UNKNOWN']);
    expect(verdict(new Script().read(7).set(1, 'written'), holding(1))).toEqual(['UNKNOWN']);
  });

  test('a read that does not see what its own process wrote', () => {
    expect(verdict(new Script().set(1, 'written').set(2, 'queued').read(1), holding(2))).toEqual(['STALE READ']);
    expect(verdict(new Script().set(1, 'logged').delete('done').read(1))).toEqual(['STALE READ']);
    expect(verdict(new Script().set(1, 'written').clear('done').read(1))).toEqual(['STALE READ']);
  });

  test('a read in a successor that does not see what was acknowledged before the crash', () => {
    expect(verdict(new Script().set(1, 'written').set(2, 'logged').successor().read(1), holding(2))).toEqual(['STALE READ']);
    expect(verdict(new Script().set(1, 'written').set(2, 'queued').successor().read(1), holding(1))).toEqual([]);
  });

  test('a read of what had expired', () => {
    expect(verdict(new Script().set(1, 'written', 100).wait(200).read(1))).toEqual(['EXPIRED READ']);
  });
});

describe('the journal oracle accepts', () => {
  test('the last acknowledged value, and one that had begun after it', () => {
    expect(verdict(new Script().set(1, 'written').set(2, 'logged'), holding(2))).toEqual([]);
    expect(verdict(new Script().set(1, 'written').set(2, 'logged').set(3), holding(3))).toEqual([]);
    expect(verdict(new Script().set(1, 'written').set(2, 'logged').load(3, 'none'), holding(2))).toEqual([]);
  });

  test('absence after a removal, also one that was not acknowledged', () => {
    expect(verdict(new Script().set(1, 'written').delete('done'))).toEqual([]);
    expect(verdict(new Script().set(1, 'written').delete())).toEqual([]);
    expect(verdict(new Script().set(1, 'written').clear())).toEqual([]);
  });

  test('absence of what has expired, or may have been replaced by what has', () => {
    expect(verdict(new Script().set(1, 'logged', 500))).toEqual([]);
    expect(verdict(new Script().set(1, 'logged').set(2, undefined, 500))).toEqual([]);
  });

  test('absence after a write that ended nowhere', () => {
    expect(verdict(new Script().set(1, 'written').set(2, 'none'))).toEqual([]);
  });

  test('an older value after a write that another one overtook, until that one is answered', () => {
    const overtaken = new Script().set(1, 'written').set(2).clear().late('none');
    expect(verdict(overtaken.read(1), holding(1))).toEqual([]);
    expect(verdict(new Script().set(1, 'written').set(2, 'none').clear().read(1))).toEqual(['STALE READ']);
  });

  test('a read of an older value before Redis was told what the dead process had logged', () => {
    const crashed = new Script().set(1, 'logged').set(2, 'written').successor();
    expect(verdict(crashed.read(1, false), holding(2))).toEqual([]);
    expect(verdict(crashed.read(1), holding(2))).toEqual(['STALE READ']);
  });

  test('reads of the last value, of a newer one, and of nothing', () => {
    expect(verdict(new Script().set(1, 'written').read(1).read(null).set(2).read(1).read(2), holding(2))).toEqual([]);
  });
});

test('a journal ends where its writer was killed, be it in the middle of a line', () => {
  const line = JSON.stringify({ kind: 'ready', generation: 1, atMs: 5 });
  expect(parseJournal(`${line}\n${line}\n{"kind":"be`)).toHaveLength(2);
  expect(parseJournal(`${line}\n`)).toHaveLength(1);
  expect(parseJournal('')).toEqual([]);
});
