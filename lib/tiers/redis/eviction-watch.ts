/**
 * Whether a Redis evicts, and what of ours that may take. An entry that is evicted is a miss; but a mark that is evicted (of a
 * deletion, a clear, a tag's invalidation) would bring back what it invalidated, if its absence were taken for "never".
 *
 * Asked for anew on every new connection, because `maxmemory-policy` can be changed at any time. A server that does not say (the user
 * lacks the right to `INFO`) counts as one that evicts anything.
 */

/** What a server says of its evictions. */
export interface Eviction {
  /** `maxmemory-policy`, or `noeviction` without `maxmemory`; `undefined`: it does not say. */
  readonly policy: string | undefined;
  /** Whether a key without an expiry may go, such as the marks of a service. */
  readonly takesMarks: boolean;
  /** Whether a key with an expiry may go, such as the mark of a deletion. */
  readonly takesTombstones: boolean;
}

/** Asks every master for a section of `INFO`. */
export type AskInfo = (section: 'memory' | 'stats') => Promise<readonly string[]>;

const NONE = 'noeviction';
const UNKNOWN: Eviction = { policy: undefined, takesMarks: true, takesTombstones: true };

/** See the file's header. */
export class EvictionWatch {
  readonly #ask: AskInfo;
  readonly #onPolicy: (policy: string) => void;
  #asked: Promise<Eviction> | undefined;
  #last: Eviction | undefined;
  #told: string | undefined;

  /** @param onPolicy told of a policy that evicts, when it is first found and when it has changed */
  constructor(ask: AskInfo, onPolicy: (policy: string) => void) {
    this.#ask = ask;
    this.#onPolicy = onPolicy;
  }

  /** The policy found last, if it evicts. */
  get policy(): string | undefined {
    return this.#last?.takesTombstones === true ? this.#last.policy : undefined;
  }

  /** Whether marks that are not there were never made, as far as this is known without asking. */
  get keepsMarks(): boolean {
    return this.#last?.takesMarks === false;
  }

  /** What this connection's server said, or says now. Never rejects. */
  known(): Promise<Eviction> {
    this.#asked ??= this.#find();
    return this.#asked;
  }

  /** The connection is another one: what was known does not count. */
  forget(): void {
    this.#asked = undefined;
    this.#last = undefined;
  }

  /** Asks anew. Never rejects. */
  async refresh(): Promise<void> {
    this.#asked = this.#find();
    await this.#asked;
  }

  /** Whether a mark of a deletion may have been evicted already; false where the server does not say. Never rejects. */
  async hasTakenTombstones(): Promise<boolean> {
    const { policy, takesTombstones } = await this.known();
    if (policy === undefined || !takesTombstones) return false;
    return this.#ask('stats').then(
      (infos) => infos.some((info) => valueIn(info, 'evicted_keys') !== '0'),
      () => false,
    );
  }

  async #find(): Promise<Eviction> {
    const found = await this.#ask('memory').then(worstOf, () => UNKNOWN);
    this.#last = found;
    if (found.policy === undefined || found.policy === this.#told) return found;
    this.#told = found.policy;
    if (found.takesTombstones) this.#onPolicy(found.policy);
    return found;
  }
}

/** Of several masters that which takes most. */
function worstOf(infos: readonly string[]): Eviction {
  const all = infos.map(evictionIn);
  return all.find((one) => one.takesMarks) ?? all.find((one) => one.takesTombstones) ?? all[0] ?? UNKNOWN;
}

function evictionIn(info: string): Eviction {
  const stated = valueIn(info, 'maxmemory_policy');
  if (stated === undefined) return UNKNOWN;
  const policy = valueIn(info, 'maxmemory') === '0' ? NONE : stated;
  return { policy, takesMarks: policy !== NONE && !policy.startsWith('volatile-'), takesTombstones: policy !== NONE };
}

function valueIn(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1];
}
