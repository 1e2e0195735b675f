/**
 * The rows of the matrix: for every member of `CacheClient`, and `cached`, one use of it that can be judged whatever the fault. A member
 * without a row does not compile, and a test compares the rows with the class.
 */
import { cached, CacheError, type CacheClient } from '../../../lib/index.js';
import { CELL_KINDS, type CellKind, type MatrixCell } from './matrix-cell.js';

/** A row. */
export interface MethodRow {
  readonly kinds: readonly CellKind[];
  /** Uses the method, again and again while the fault lasts. */
  act(cell: MatrixCell): Promise<void>;
}

const WITH_L1: readonly CellKind[] = ['l1', 'stream', 'pubsub'];
const WITH_L2: readonly CellKind[] = ['l2', 'stream', 'pubsub'];

const row = (act: (cell: MatrixCell) => Promise<void>, kinds: readonly CellKind[] = CELL_KINDS): MethodRow => ({ kinds, act });

/** The method under test reads what `set` wrote, here and in the other process, and once more after it was deleted. */
const readRow = (
  read: (cell: MatrixCell, client: CacheClient<string>) => Promise<void>,
  kinds?: readonly CellKind[],
): MethodRow =>
  row(async (cell) => {
    const value = cell.nextValue();
    await cell.write({ k: value }, () => cell.client.set('k', value));
    await read(cell, cell.client);
    await cell.write({ k: undefined }, () => cell.client.delete('k'));
    await read(cell, cell.client);
  }, kinds);

/** The method under test writes, and `get` reads it. */
const writeRow = (write: (cell: MatrixCell, value: string) => Promise<unknown>, kinds?: readonly CellKind[]): MethodRow =>
  row(async (cell) => {
    await write(cell, cell.nextValue());
    await cell.read('k', () => cell.client.get('k'));
  }, kinds);

/** The method under test removes what `set` wrote. Every other time that is where it ends, so that both are seen afterwards. */
const removeRow = (remove: (cell: MatrixCell) => Promise<unknown>, tags: readonly string[] = []): MethodRow =>
  row(async (cell) => {
    const value = cell.nextValue();
    await cell.write({ k: value }, () => cell.client.set('k', value, { tags }));
    await cell.read('k', () => cell.client.get('k'));
    await cell.write({ k: undefined }, () => remove(cell));
    await cell.read('k', () => cell.client.get('k'));
    if (!cell.chance(0.5)) return;
    const next = cell.nextValue();
    await cell.write({ k: next }, () => cell.client.set('k', next, { tags }));
    await cell.read('k', () => cell.client.get('k'));
  });

/** The method under test loads what was just removed: the loader has to run, unless the removal is not sure. */
const loadRow = (load: (cell: MatrixCell, loader: () => string) => Promise<string | undefined>): MethodRow =>
  row(async (cell) => {
    const isRemoved = await cell.write({ k: undefined }, () => cell.client.delete('k'));
    const value = cell.nextValue();
    cell.mayBe('k', value);
    await cell.ask(
      () => load(cell, () => value),
      (answer) => {
        if (answer === undefined) return 'loads nothing';
        cell.judge('k', answer, 'load', isRemoved ? value : undefined);
        return undefined;
      },
    );
    await cell.read('k', () => cell.client.get('k'));
  });

/** A copy in L1 may be gone at any time. */
const judgeCopy = (cell: MatrixCell, value: string | undefined): undefined => {
  if (value !== undefined) cell.judge('k', value);
};

/** What `cached` wraps: made once for each cell. */
const wrapped = new WeakMap<MatrixCell, { readonly call: () => Promise<string>; next: string }>();

/** See the file's header. */
export const METHOD_ROWS: { readonly [M in keyof CacheClient | 'cached']: MethodRow } = {
  get: readRow((cell, client) => cell.read('k', () => client.get('k'))),
  peek: readRow((cell, client) =>
    cell.ask(
      () => client.peek('k'),
      (value) => judgeCopy(cell, value),
    ),
  ),
  lookup: readRow((cell, client) => cell.read('k', async () => (await client.lookup('k')).value)),
  has: readRow((cell, client) =>
    cell.ask(
      () => client.has('k'),
      (found) => {
        cell.judgeHas('k', found);
        return undefined;
      },
    ),
  ),
  getMany: readRow((cell, client) => cell.read('k', async () => (await client.getMany(['k', 'never written'])).get('k'))),
  getL1Only: readRow(
    (cell, client) =>
      cell.ask(
        () => client.getL1Only('k'),
        (value) => judgeCopy(cell, value),
      ),
    WITH_L1,
  ),
  getL2Only: readRow((cell, client) => cell.read('k', () => client.getL2Only('k')), WITH_L2),
  set: writeRow((cell, value) => cell.write({ k: value }, () => cell.client.set('k', value))),
  setMany: writeRow((cell, value) =>
    cell.write({ k: value, k2: value }, () =>
      cell.client.setMany([
        ['k', value],
        ['k2', value],
      ]),
    ),
  ),
  setL1Only: row(async (cell) => {
    const value = cell.nextValue();
    await cell.ask(
      () => cell.client.setL1Only('k', value),
      ({ l1, l2 }) => (l1 && l2 === 'none' ? undefined : `says ${JSON.stringify({ l1, l2 })}`),
    );
    await cell.ask(
      () => cell.client.peek('k'),
      (found) => (found === value || cell.mayMiss ? undefined : `peeks ${String(found)}`),
    );
    // Redis knows nothing of it, so it must not be what is found in the end.
    await cell.write({ k: undefined }, () => cell.client.delete('k'));
  }, WITH_L1),
  setL2Only: writeRow((cell, value) => cell.write({ k: value }, () => cell.client.setL2Only('k', value)), WITH_L2),
  delete: removeRow((cell) => cell.client.delete('k')),
  deleteMany: removeRow((cell) => cell.client.deleteMany(['k', 'never written'])),
  invalidateTags: removeRow((cell) => cell.client.invalidateTags('t'), ['t']),
  clear: removeRow((cell) => cell.client.clear()),
  expire: row(async (cell) => {
    const value = cell.nextValue();
    await cell.write({ k: value }, () => cell.client.set('k', value));
    await cell.ask(
      () => cell.client.expire('k', 500),
      (found) => {
        cell.judgeHas('k', found);
        return undefined;
      },
    );
    await cell.read('k', () => cell.client.get('k'));
  }),
  getOrLoad: loadRow((cell, loader) => cell.client.getOrLoad('k', loader)),
  getOrLoadMany: loadRow(async (cell, loader) => (await cell.client.getOrLoadMany(['k'], () => [loader()])).get('k')),
  refresh: loadRow((cell, loader) => cell.client.refresh('k', loader)),
  cached: loadRow(async (cell, loader) => {
    let own = wrapped.get(cell);
    if (own === undefined) {
      const call = cached<[], string>(cell.client.service, async () => (await Promise.resolve(), wrapped.get(cell)?.next ?? ''), {
        key: () => 'k',
      });
      own = { call, next: '' };
      wrapped.set(cell, own);
    }
    own.next = loader();
    return own.call();
  }),
  lock: row(async (cell) => {
    await cell.ask(
      async () => {
        // A key of its own each time: a lease that could not be given back lasts as long as it was asked for.
        const key = cell.nextValue();
        const lock = await cell.client.lock(key, { ttl: '20s' });
        if (lock === undefined) return cell.mayMiss ? undefined : 'not had, though nobody has it';
        const second = await cell.other?.lock(key, { ttl: '1s' });
        await second?.release();
        await lock.release();
        cell.judgeLease(second !== undefined);
        return undefined;
      },
      (wrong) => wrong,
    );
  }, WITH_L2),
  flush: writeRow(async (cell, value) => {
    await cell.write({ k: value }, () => cell.client.set('k', value));
    await cell.ask(() => cell.client.flush());
  }),
  close: row(async (cell) => {
    if (!cell.isClosed) {
      const value = cell.nextValue();
      await cell.write({ k: value }, () => cell.client.set('k', value));
      if (cell.phase === 'calm') return;
      cell.isClosed = true;
      await cell.ask(() => cell.client.close());
    }
    await cell.ask(
      async () => {
        const error: unknown = await cell.client.get('k').catch((reason: unknown) => reason);
        return CacheError.is(error, 'CACHE_CLOSED') ? undefined : `closed, and get gives ${String(error)}`;
      },
      (wrong) => wrong,
    );
  }),
  health: row((cell) =>
    cell.ask(
      () => cell.client.health().service,
      (name) => (name === cell.client.service ? undefined : name),
    ),
  ),
  metrics: row((cell) =>
    cell.ask(
      () => cell.client.metrics().loadsInFlight,
      (count) => (count === 0 ? undefined : `${count} loads`),
    ),
  ),
  service: row((cell) =>
    cell.ask(
      () => cell.client.service,
      (name) => (name === '' ? 'has no name' : undefined),
    ),
  ),
  on: writeRow(async (cell, value) => {
    const listener = (): never => {
      throw new Error('from a listener');
    };
    cell.client.on('write', listener);
    await cell.write({ k: value }, () => cell.client.set('k', value));
    cell.client.off('write', listener);
  }),
  off: writeRow((cell, value) => {
    cell.client.off('write', () => undefined);
    return cell.write({ k: value }, () => cell.client.set('k', value));
  }),
};
