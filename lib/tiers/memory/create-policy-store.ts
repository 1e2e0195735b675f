/** The eviction policies by their names in the configuration. */
import { QuickLruStore } from './quick-lru-store.js';
import { S3FifoStore } from './s3fifo-store.js';
import type { ResolvedL1 } from '../../config/resolved-config.js';
import type { PolicyStore } from './policy-store.js';

/** Slots made at once when nothing else is said; beyond it the arrays grow by doubling, so memory follows use. */
const PREALLOCATED = 64;

/** Makes the store `config` asks for. */
export function createPolicyStore(config: Pick<ResolvedL1, 'eviction' | 'maxCapacity' | 'initialCapacity'>): PolicyStore {
  const initialCapacity = Math.min(config.maxCapacity, config.initialCapacity ?? PREALLOCATED);
  const options = { maxCapacity: config.maxCapacity, initialCapacity };
  return config.eviction === 'lru' ? new QuickLruStore(options) : new S3FifoStore(options);
}
