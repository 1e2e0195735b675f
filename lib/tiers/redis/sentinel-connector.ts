/**
 * How our clients look for the primary. ioredis either asks the sentinels for ever, without a word, or gives the client up
 * when none of them knows a primary. Here a look that failed is a connection that failed: it has an error, an end, and the
 * client's own pause before the next one.
 */
import { Socket } from 'node:net';
import type { RedisOptions, SentinelConnectionOptions, SentinelConnector } from 'ioredis';
import { isError } from './redis-errors.js';

type Connector = NonNullable<RedisOptions['Connector']>;

/** The option `Connector` of a client behind sentinels; `base` is ioredis's own class, passed in because ioredis is loaded on demand. */
export function sentinelConnectorOf(base: typeof SentinelConnector): Connector {
  return class extends base {
    constructor(options: unknown) {
      super({ ...(options as SentinelConnectionOptions), sentinelRetryStrategy: () => null });
    }

    override async connect(...args: Parameters<SentinelConnector['connect']>): ReturnType<SentinelConnector['connect']> {
      try {
        return await super.connect(...args);
      } catch (error) {
        if (isError(error)) this.firstError = error;
        // A stream that is destroyed already is how ioredis is told that connecting has failed.
        return new Socket().destroy();
      }
    }
  };
}
