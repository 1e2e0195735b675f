/**
 * Which loader a load was asked for by, so that loaders that wait for each other in a ring fail at once instead of for ever. The
 * call of a loader is a scope; what the loader asks for, also after an `await`, is asked in that scope. A scope waits for flights,
 * and a flight for the scope that produces it, or for the flight it is behind: a ring in this graph never ends by itself.
 *
 * 1. Following a loader through its `await`s slows down every promise of the process on Node 20 and 22. There it is done only while
 *    a loader runs that is watched: see {@link NestingWatch}. 2. The part of a loader before its first `await` costs nothing to
 *    follow, so that is always done. 3. A scope ends with its loader or its flights, whichever is first, and then holds nothing:
 *    timers and sockets made in it keep it in memory, and a load they ask for later is nobody's nested load.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { CacheError } from '../base/errors.js';

/** What can be waited for. */
export interface Awaited {
  readonly key: string;
  /** The call of a loader that produces it; `undefined`: none has been made yet. */
  readonly scope: LoadScope | undefined;
  /** What it waits for before it begins; `undefined`: nothing. */
  readonly behind: Awaited | undefined;
}

/** Keys named in a message at most. */
const MAX_NAMED = 8;
/** Characters of a key in a message at most. */
const MAX_KEY_LENGTH = 64;

/** Loads of a service that are watched before it is taken for one whose loaders do not nest. */
const WATCHED_FIRST = 1000;
/** Of the loads after those, one in so many is watched. */
const WATCHED_SHARE = 64;

/** From Node 24 on, and in Bun, a context is a pointer that costs nothing to carry. */
const IS_FREE = Number(process.versions.node.split('.', 1)[0]) >= 24 || process.versions['bun'] !== undefined;

const storage = new AsyncLocalStorage<LoadScope>();
/** Scopes that the storage follows now. */
let following = 0;
/** The scope of the loader that is being called at this moment, up to its first `await`. */
let calling: LoadScope | undefined;
/** Whether any loader of this process has asked for another load: from then on all are watched. */
let hasNested = IS_FREE;

/** Decides which loads of one service are followed through their `await`s. */
export class NestingWatch {
  #loads = 0;

  /** Whether the load that begins now is. */
  next(): boolean {
    this.#loads++;
    return hasNested || this.#loads <= WATCHED_FIRST || this.#loads % WATCHED_SHARE === 0;
  }
}

/** See the file's header. */
export class LoadScope {
  readonly service: string;
  /** Called when nobody waits for any of the flights any more, while the loader runs. */
  onDeserted: ((reason: unknown) => void) | undefined;
  /** What its loader waits for, and how often. */
  readonly #waits = new Map<Awaited, number>();
  readonly #isWatched: boolean;
  #flights: number;
  #isOver = false;
  #deserted: { readonly reason: unknown } | undefined;

  /**
   * @param flights how many flights the loader's call is for
   * @param isWatched whether the loader is followed through its `await`s
   */
  constructor(service: string, flights: number, isWatched: boolean) {
    this.service = service;
    this.#flights = flights;
    this.#isWatched = isWatched;
    if (isWatched) following++;
  }

  /** The scope of the loader that is asking right now; `undefined` outside of loaders. */
  static get current(): LoadScope | undefined {
    const scope = calling ?? (following === 0 ? undefined : storage.getStore());
    return scope === undefined || scope.#isOver ? undefined : scope;
  }

  /** What its loader waits for at this moment. */
  get waits(): Iterable<Awaited> {
    return this.#waits.keys();
  }

  /** Why the last one who waited for its flights went; `undefined`: the loader has ended, or somebody waits. */
  get deserted(): { readonly reason: unknown } | undefined {
    return this.#deserted;
  }

  /** Calls the loader. The scope ends when what it returns settles. */
  async run<T>(loader: () => T | PromiseLike<T>): Promise<T> {
    try {
      const call = (): T | PromiseLike<T> => callIn(this, loader);
      return await (this.#isWatched ? storage.run(this, call) : call());
    } finally {
      this.#end();
    }
  }

  /** One of the flights is over; while the loader runs that means it was given up, for `reason`. */
  flightOver(reason: unknown): void {
    if (--this.#flights > 0 || this.#isOver) return;
    this.#deserted = { reason };
    this.#end();
    this.onDeserted?.(reason);
  }

  /** Does what a loader asks for later than in the turn of its call, on behalf of its scope if it has one. */
  static resume<T>(scope: LoadScope | undefined, part: () => T): T {
    return scope === undefined ? part() : callIn(scope, part);
  }

  /** Waits for something on behalf of the loader; {@link refuseCycle} comes first. */
  async wait<T>(awaited: Awaited, end: Promise<T>): Promise<T> {
    hasNested = true;
    this.#waits.set(awaited, (this.#waits.get(awaited) ?? 0) + 1);
    try {
      return await end;
    } finally {
      const left = (this.#waits.get(awaited) ?? 0) - 1;
      if (left > 0) this.#waits.set(awaited, left);
      else this.#waits.delete(awaited);
    }
  }

  /** @throws {CacheError} CACHE_LOAD_CYCLE when `awaited` waits for this scope, through however many others */
  refuseCycle(awaited: Awaited): void {
    hasNested = true;
    const ring = this.#findRing(awaited);
    if (ring === undefined) return;
    const services = new Set(ring.map(({ scope }) => scope.service));
    const names = ring.map(({ scope, key }) => nameOf(key, services.size > 1 ? scope.service : undefined));
    const chain = [names.at(-1) as string, ...names];
    const shown = chain.length <= MAX_NAMED ? chain : [...chain.slice(0, MAX_NAMED - 2), '…', chain.at(-1) as string];
    const asked = ring[0] as Link;
    throw new CacheError('CACHE_LOAD_CYCLE', `The load waits for itself: ${shown.join(' → ')}`, {
      service: asked.scope.service,
      key: asked.key,
    });
  }

  /** The way from `awaited` to this scope; `undefined`: there is none. Breadth first: the shortest one. */
  #findRing(awaited: Awaited): Link[] | undefined {
    const links = producersOf(awaited, undefined);
    const seen = new Set<LoadScope>();
    for (const link of links) {
      if (link.scope === this) return wayTo(link);
      if (seen.has(link.scope)) continue;
      seen.add(link.scope);
      for (const next of link.scope.waits) links.push(...producersOf(next, link));
    }
    return undefined;
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#waits.clear();
    if (this.#isWatched && --following === 0 && !IS_FREE) storage.disable();
  }
}

/** Calls a loader up to its first `await` in a scope. */
function callIn<T>(scope: LoadScope, loader: () => T): T {
  const outer = calling;
  calling = scope;
  try {
    return loader();
  } finally {
    calling = outer;
  }
}

/** A loader on the way: what is waited for, by whom it is produced, and what was waited for before. */
interface Link {
  readonly key: string;
  readonly scope: LoadScope;
  readonly from: Link | undefined;
}

/** The loaders that have to end before `awaited` does. */
function producersOf(awaited: Awaited, from: Link | undefined): Link[] {
  const links: Link[] = [];
  for (let at: Awaited | undefined = awaited; at !== undefined; at = at.behind) {
    if (at.scope !== undefined) links.push({ key: at.key, scope: at.scope, from });
  }
  return links;
}

function wayTo(last: Link): Link[] {
  const way: Link[] = [];
  for (let at: Link | undefined = last; at !== undefined; at = at.from) way.unshift(at);
  return way;
}

function nameOf(key: string, service: string | undefined): string {
  const shown = JSON.stringify(key.length <= MAX_KEY_LENGTH ? key : `${key.slice(0, MAX_KEY_LENGTH)}…`);
  return service === undefined ? shown : `${service} ${shown}`;
}
