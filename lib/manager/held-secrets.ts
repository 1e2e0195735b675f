/** The secrets of one manager, which are masked in every text of the process from the time they are known until it is closed (G11). */
import type { Cluster, Redis } from 'ioredis';
import { holdSecrets, holdSecretsOf } from '../base/known-secrets.js';

const SECRET_OPTION = /pass|secret|token/i;
/** Options of a cluster hold options of its nodes, and of a sentinel's client a list of sentinels; nothing of interest is deeper. */
const MAX_DEPTH = 3;

/** See the file's header. */
export class HeldSecrets {
  readonly #releases: (() => void)[] = [];

  /** Masks `secrets` from now on. */
  readonly hold = (secrets: Iterable<string>): void => {
    this.#releases.push(holdSecrets(secrets));
  };

  /** Ends the masking; doing so again changes nothing. */
  readonly release = (): void => {
    for (const release of this.#releases.splice(0)) release();
  };

  /** Masks the passwords of clients that were handed in, which their owner may change at any time. */
  holdThoseOf(clients: readonly (Redis | Cluster)[]): void {
    for (const client of new Set(clients)) this.#releases.push(holdSecretsOf(() => passwordsOf(client)));
  }
}

function passwordsOf(client: Redis | Cluster): ReadonlySet<string> {
  const found = new Set<string>();
  collect(client.options, MAX_DEPTH, found);
  // The nodes a cluster was made with are no option of it; each may have a password of its own, or be an address with one.
  collect((client as { readonly startupNodes?: unknown }).startupNodes, MAX_DEPTH, found);
  return found;
}

function collect(value: unknown, depth: number, found: Set<string>): void {
  if (typeof value === 'string') {
    const password = /^rediss?:\/\/[^:@/]*:(\S*)@/i.exec(value)?.[1];
    if (password !== undefined) found.add(password);
  } else if (typeof value === 'object' && value !== null && depth > 0 && !ArrayBuffer.isView(value)) {
    for (const [name, option] of Object.entries(value)) {
      if (typeof option === 'string' && SECRET_OPTION.test(name)) found.add(option);
      else collect(option, depth - 1, found);
    }
  }
}
