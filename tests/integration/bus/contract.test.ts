/** The transports of invalidations under their common contract, over real servers. */
import { describeInvalidationBus } from '../../contract/invalidation-bus.contract.js';

describeInvalidationBus('stream');
describeInvalidationBus('pubsub');
