/** The eviction policies by their names in the configuration. */
import { QuickLruStore } from './quick-lru-store.js';
import { S3FifoStore } from './s3fifo-store.js';
import type { ResolvedL1 } from '../../config/resolved-config.js';
import type { PolicyStore } from './policy-store.js';

/** Slots made at once when nothing else is said; beyond it the arrays grow by doubling. */
const PREALLOCATED = 16_384;
/** The same under a byte limit, which may be far smaller than the capacity suggests. */
const PREALLOCATED_WITH_BYTE_LIMIT = 64;

/** Makes the store `config` asks for. */
export function createPolicyStore(
  config: Pick<ResolvedL1, 'eviction' | 'maxCapacity' | 'initialCapacity' | 'maxBytes'>,
): PolicyStore {
  const preallocated = config.maxBytes === undefined ? PREALLOCATED : PREALLOCATED_WITH_BYTE_LIMIT;
  const initialCapacity = Math.min(config.maxCapacity, config.initialCapacity ?? preallocated);
  const options = { maxCapacity: config.maxCapacity, initialCapacity };
  return config.eviction === 'lru' ? new QuickLruStore(options) : new S3FifoStore(options);
}
