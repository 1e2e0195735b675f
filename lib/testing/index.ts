/** Tools for the users' own tests, published as `oxcache/testing`. Nothing in the library imports from here. */
export { FakeClock } from './fake-clock.js';
export { FaultyTier, type FaultyTierOptions } from './faulty-tier.js';
export type { CommandMatcher } from './command-faults.js';
export { TcpFaultProxy, type LatencyOptions, type SlowDripOptions, type TcpFaultProxyOptions } from './tcp-fault-proxy.js';
export type { Direction } from './proxy-link.js';
