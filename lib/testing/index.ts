/** Tools for the users' own tests, published as `oxcache/testing`. Nothing in the library imports from here. */
export { blockEventLoop } from './event-loop.js';
export { FakeClock } from './fake-clock.js';
export { FaultyTier, type FaultyTierOptions } from './faulty-tier.js';
export type { CommandMatcher } from './command-faults.js';
export {
  EVICTION_POLICIES,
  RedisFaults,
  type DemoteOptions,
  type EvictionPolicy,
  type FilledMemory,
  type FillMemoryOptions,
  type ForbidCommandsOptions,
} from './redis-faults.js';
export { TcpFaultProxy, type LatencyOptions, type SlowDripOptions, type TcpFaultProxyOptions } from './tcp-fault-proxy.js';
export type { Direction } from './proxy-link.js';
