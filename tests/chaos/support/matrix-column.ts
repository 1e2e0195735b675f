/**
 * One column of the matrix: every method of every kind of service goes through one fault at the same time, each in a service of its own, and
 * is judged (`matrix-cell.ts`) before, during and after it, and once more by a process that starts afterwards.
 */
import type { CacheClient, CacheManager } from '../../../lib/index.js';
import { until } from '../../support/until.js';
import type { SeededRandom } from './crash-random.mjs';
import { LoopTime } from './loop-time.js';
import { MatrixCell, type CellPhase } from './matrix-cell.js';
import type { MatrixFault } from './matrix-faults.js';
import { WATCHED_METHOD, type CellPlace, type MatrixWorld } from './matrix-world.js';
import { pass } from './staleness-faults.js';

/** What a column came to. */
export interface ColumnReport {
  readonly cells: number;
  readonly calls: number;
  readonly findings: readonly string[];
}

/** How a column is played. */
export interface ColumnOptions {
  /** How long the fault lasts at least. */
  readonly holdMs: number;
  readonly random: SeededRandom;
}

/** Between two uses of a method in a fault. */
const PAUSE_MS = 25;
/** How long a fault may go unnoticed: two deadlines, and what a busy machine adds. */
const NOTICED_MS = 5000;
const SETTLED_MS = 20_000;
/** How health begins to name commands that are refused while the others go on. */
const REFUSES = 'it refuses commands: ';

/** Plays one column in a world that is as it was at its start. */
export async function playColumn(
  fault: MatrixFault,
  world: MatrixWorld,
  { holdMs, random }: ColumnOptions,
): Promise<ColumnReport> {
  const loopTime = new LoopTime();
  const unheard: string[] = [];
  const hear = (kind: string) => (error: unknown) => void unheard.push(`${kind}: ${String(error)}`);
  const [onRejection, onException] = [hear('unhandled rejection'), hear('uncaught exception')];
  process.on('unhandledRejection', onRejection);
  process.on('uncaughtException', onException);
  const other = await world.openOther();
  try {
    const column = new Column(fault, world, { tested: await world.openTested(), other, loopTime, random });
    await column.play(holdMs);
    const report = column.report(await world.hasChangedPrimary());
    return { ...report, findings: [...report.findings, ...unheard] };
  } finally {
    await world.closeTested();
    await other.close({ deadline: '1s' });
    loopTime.stop();
    process.off('unhandledRejection', onRejection);
    process.off('uncaughtException', onException);
  }
}

interface ColumnParts {
  readonly tested: CacheManager;
  readonly other: CacheManager;
  readonly loopTime: LoopTime;
  readonly random: SeededRandom;
}

class Column {
  readonly #fault: MatrixFault;
  readonly #world: MatrixWorld;
  readonly #other: CacheManager;
  readonly #cells: readonly { readonly place: CellPlace; readonly cell: MatrixCell }[];
  readonly #findings: string[] = [];
  /** What health said of the fault first. */
  #unwell: string | undefined;

  constructor(fault: MatrixFault, world: MatrixWorld, { tested, other, loopTime, random }: ColumnParts) {
    this.#fault = fault;
    this.#world = world;
    this.#other = other;
    this.#cells = world.places.map((place) => {
      const client = tested.client<string>(place.service);
      const peer = place.kind === 'l1' ? undefined : other.client<string>(place.service);
      const cell = new MatrixCell({ method: place.method, kind: place.kind, client, other: peer, loopTime, random });
      return { place, cell };
    });
  }

  async play(holdMs: number): Promise<void> {
    await this.#settled('at the start', [...this.#clients()]);
    await this.#actOnce();
    await this.#suffer(holdMs);
    // Beside a primary that was replaced, and does not know it yet, a process that starts may find either.
    await this.#world.ready();
    await this.#settled('after the fault', [...this.#clients()]);
    this.#enter('calm');
    await this.#verify((cell) => cell.client);
    await this.#actOnce();
    await this.#settled('in the end', [...this.#clients()]);
    await this.#world.closeTested();
    const next = await this.#world.openTested();
    const clients = new Map(this.#cells.map(({ place, cell }) => [cell, next.client<string>(place.service)]));
    await this.#settled('after a restart', [...clients.values()]);
    await this.#verify((cell) => clients.get(cell), 'after a restart ');
  }

  report(hasChangedPrimary: boolean): ColumnReport {
    return {
      cells: this.#cells.length,
      calls: this.#cells.reduce((sum, { cell }) => sum + cell.calls, 0),
      findings: [
        ...this.#findings,
        ...this.#cells.flatMap(({ cell }) => [...cell.findings, ...(hasChangedPrimary ? [] : cell.lateFindings)]),
      ],
    };
  }

  *#clients(): Iterable<CacheClient<string>> {
    for (const { place, cell } of this.#cells) {
      if (!cell.isClosed) yield cell.client;
      if (place.kind !== 'l1') yield this.#other.client<string>(place.service);
    }
  }

  #enter(phase: CellPhase): void {
    for (const { cell } of this.#cells) cell.phase = phase;
  }

  async #actOnce(): Promise<void> {
    await Promise.all(this.#cells.map(({ place, cell }) => place.row.act(cell)));
  }

  /** All of them go on using their methods while the fault comes and lasts. */
  async #suffer(holdMs: number): Promise<void> {
    const { begin, end, losesEntries = false, stepsClock = false } = this.#fault;
    this.#enter('fault');
    for (const { cell } of this.#cells) {
      cell.losesEntries = losesEntries;
      cell.losesLeases = losesEntries || stepsClock;
    }
    let isOver = false;
    const acts = this.#cells.map(async ({ place, cell }) => {
      do {
        await place.row.act(cell);
        await pass(PAUSE_MS);
      } while (!isOver);
    });
    const watch = this.#watchHealth(() => isOver);
    await begin(this.#world);
    await pass(holdMs);
    if (this.#fault.health === 'not healthy')
      await until(() => this.#unwell !== undefined, { timeoutMs: NOTICED_MS }).catch(() => undefined);
    isOver = true;
    await Promise.all(acts);
    await watch;
    const { health } = this.#fault;
    if (health === 'healthy' && this.#unwell !== undefined) this.#findings.push(`health: says ${this.#unwell}`);
    if (health === 'not healthy' && this.#unwell === undefined) this.#findings.push('health: says nothing of the fault');
    this.#enter('aftermath');
    await end?.(this.#world);
  }

  async #watchHealth(isOver: () => boolean): Promise<void> {
    const watched = this.#cells.filter(({ place: { kind, method } }) => kind !== 'l1' && method === WATCHED_METHOD);
    while (!isOver()) {
      for (const { cell } of watched) {
        const { status, l2, sync } = cell.client.health();
        if (status !== 'healthy' || l2?.reason !== undefined || sync?.status === 'lost')
          this.#unwell ??= `${status}, ${sync?.status ?? 'no'} link: ${l2?.reason ?? ''}`;
        if (status === 'degraded') this.#world.isAway();
      }
      await pass(10);
    }
  }

  /** Redis is in use again, and is owed nothing. */
  async #settled(when: string, clients: readonly CacheClient<string>[]): Promise<void> {
    const unsettled = (): CacheClient<string>[] =>
      clients.filter((client) => {
        const { loggedKeys, pendingWrites, loadsInFlight } = client.metrics();
        const { sync } = client.health();
        return (
          !this.#isWell(client) ||
          (sync !== undefined && sync.status !== 'connected') ||
          loggedKeys + pendingWrites + loadsInFlight > 0
        );
      });
    await until(() => unsettled().length === 0, { timeoutMs: SETTLED_MS, intervalMs: 20 }).catch(() => {
      for (const client of unsettled().slice(0, 5)) {
        const { loggedKeys, pendingWrites, loadsInFlight } = client.metrics();
        const owed = JSON.stringify({ loggedKeys, pendingWrites, loadsInFlight });
        this.#findings.push(`${client.service}: not settled ${when}: ${JSON.stringify(client.health())} ${owed}`);
      }
    });
  }

  #isWell(client: CacheClient<string>): boolean {
    const { status, l2 } = client.health();
    if (this.#fault.isRefusal === true && l2?.traffic === 'all' && l2.reason?.startsWith(REFUSES) === true) return true;
    return status === 'healthy' && l2?.reason === undefined;
  }

  /** Everybody reads what is right; copies in the other process end within moments. */
  async #verify(clientOf: (cell: MatrixCell) => CacheClient<string> | undefined, when = ''): Promise<void> {
    for (const { place, cell } of this.#cells) {
      const client = clientOf(cell);
      // What a closed service has logged is there after the restart, and what was in memory only is not.
      if (client === undefined || (client === cell.client && cell.isClosed) || (when !== '' && place.kind === 'l1')) continue;
      const { other } = cell;
      for (const key of cell.keys) {
        cell.judge(key, await client.get(key), `${when}get afterwards`);
        if (other === undefined) continue;
        cell.judge(key, await other.getL2Only(key), `${when}other.getL2Only afterwards`);
        const right = await other.getL2Only(key);
        await until(async () => (await other.get(key)) === right, { timeoutMs: 3000 }).catch(() => undefined);
        cell.judge(key, await other.get(key), `${when}other.get afterwards`);
      }
    }
  }
}
