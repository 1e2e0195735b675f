/**
 * One slot of a cluster on its way from one master to another. Between `begin` and `finish` it is half here and half there:
 * keys already moved are answered ASK, several keys at once TRYAGAIN, and after the end the old owner answers MOVED.
 */
import type { RedisServer } from './redis-server.js';

/** What a move needs to know. */
export interface SlotMovePlan {
  readonly slot: number;
  readonly from: { readonly server: RedisServer; readonly id: string };
  readonly to: { readonly server: RedisServer; readonly id: string };
  /** The other masters, which are told at the end. */
  readonly others: readonly RedisServer[];
  readonly password: string | undefined;
}

const KEYS_AT_ONCE = 100;
const MIGRATE_TIMEOUT_MS = 5000;

/** See the file's header. */
export class SlotMove {
  readonly #plan: SlotMovePlan;

  private constructor(plan: SlotMovePlan) {
    this.#plan = plan;
  }

  /** Opens the slot on both sides. Nothing has moved yet. */
  static async begin(plan: SlotMovePlan): Promise<SlotMove> {
    const { slot, from, to } = plan;
    await to.server.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', from.id);
    await from.server.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', to.id);
    return new SlotMove(plan);
  }

  /** Moves at most so many of the slot's keys; resolves to how many there were. */
  async moveKeys(count: number): Promise<number> {
    const { slot, from, to, password } = this.#plan;
    const keys = (await from.server.call('CLUSTER', 'GETKEYSINSLOT', slot, count)) as string[];
    if (keys.length === 0) return 0;
    const login = password === undefined ? [] : ['AUTH', password];
    const target = ['127.0.0.1', to.server.port, '', 0, MIGRATE_TIMEOUT_MS];
    await from.server.call('MIGRATE', ...target, ...login, 'KEYS', ...keys);
    return keys.length;
  }

  /** Moves what is left, then the slot itself, and tells every master. */
  async finish(): Promise<void> {
    const { slot, from, to, others } = this.#plan;
    while ((await this.moveKeys(KEYS_AT_ONCE)) > 0);
    // The new owner first: were it the old one, both would send clients to each other for a moment.
    for (const server of [to.server, from.server, ...others]) await server.call('CLUSTER', 'SETSLOT', slot, 'NODE', to.id);
  }
}
