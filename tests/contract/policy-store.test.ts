/** The policies of L1 under their common contract. */
import { QuickLruStore } from '../../lib/tiers/memory/quick-lru-store.js';
import { S3FifoStore } from '../../lib/tiers/memory/s3fifo-store.js';
import { describePolicyStore } from './policy-store.contract.js';

describePolicyStore('s3fifo', (options) => new S3FifoStore(options));
describePolicyStore('lru', (options) => new QuickLruStore(options));
