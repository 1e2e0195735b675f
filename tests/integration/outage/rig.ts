/**
 * What a test of faults needs, ended with the test that asked for it: a Redis, a proxy in front of it, managers over both.
 * A promise that anything in the test left to reject unheard fails the test (G10).
 */
import { afterEach, beforeEach, expect } from '@jest/globals';
import { createManager, type CacheManager, type ConfigObject, type ManagerOptions } from '../../../lib/index.js';
import { RedisServer } from '../../support/redis-server.js';
import type { RedisServerOptions } from '../../support/redis-server-options.js';
import { TcpFaultProxy } from '../../../lib/testing/tcp-fault-proxy.js';
import { useTemporaryFolder } from '../../support/temporary-folder.js';
import { until } from '../../support/until.js';

/** The settings of one service. */
export type ServiceConfig = ConfigObject['services'][string];

/** Deadlines short enough for tests, long enough for a busy machine. */
export const COMMAND_TIMEOUT_MS = 400;
export const CONNECTION_TIMEOUT_MS = 1000;

/** Starts things and remembers to end them. */
export interface Rig {
  /** The folder of the test: its managers keep their logs there, and scripts may run in it. */
  readonly folder: string;
  startRedis(options?: RedisServerOptions): Promise<RedisServer>;
  startProxy(server: { readonly port: number }): Promise<TcpFaultProxy>;
  open(
    services: Readonly<Record<string, ServiceConfig>>,
    options?: ManagerOptions & { readonly global?: ConfigObject['global'] },
  ): Promise<CacheManager>;
  /** Runs after the test, before what was started earlier is ended. */
  afterwards(cleanup: () => unknown): void;
}

/** Gives a test file its rig. */
export function useRig(): Rig {
  const cleanups: (() => unknown)[] = [];
  const unheard: unknown[] = [];
  const folder = useTemporaryFolder();
  const listen = (reason: unknown): void => {
    unheard.push(reason);
  };
  beforeEach(() => {
    unheard.length = 0;
    process.on('unhandledRejection', listen);
  });
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
    process.off('unhandledRejection', listen);
    expect(unheard).toEqual([]);
  });
  const afterwards = (cleanup: () => unknown): void => {
    cleanups.push(cleanup);
  };
  return {
    afterwards,
    get folder() {
      return folder.path;
    },
    async startRedis(options) {
      const server = await RedisServer.start(options);
      afterwards(() => server.stop());
      return server;
    },
    async startProxy(server) {
      const proxy = await TcpFaultProxy.start(server.port);
      afterwards(() => proxy.close());
      return proxy;
    },
    async open(services, { global, ...options } = {}) {
      const wal = { dir: folder.path, ...global?.wal };
      const manager = await createManager({ global: { log_level: 'silent', ...global, wal }, services }, options);
      afterwards(() => manager.close({ deadline: '100ms' }));
      return manager;
    },
  };
}

/** The `l2` table for a Redis (or proxy) on this machine, with short deadlines. */
export function l2At(place: { readonly port: number }, more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    connection_string: `redis://127.0.0.1:${place.port}`,
    command_timeout_ms: COMMAND_TIMEOUT_MS,
    connection_timeout_ms: CONNECTION_TIMEOUT_MS,
    ...more,
  };
}

/** A two-level service over a Redis (or proxy) on this machine. */
export function twoLevelAt(place: { readonly port: number }, more: Readonly<Record<string, unknown>> = {}): ServiceConfig {
  return { cache_type: 'two-level', ttl: 600, l2: l2At(place), ...more };
}

/** A service without L1 over a Redis (or proxy) on this machine. */
export function l2OnlyAt(place: { readonly port: number }, more: Readonly<Record<string, unknown>> = {}): ServiceConfig {
  return { cache_type: 'l2', ttl: 600, l2: l2At(place), ...more };
}

/** The setting without which there is a log: what Redis does not confirm is then lost, and every call says so. */
export const WITHOUT_LOG = { wal: { enabled: false } } as const;

/** Waits until a service says that its Redis can be used. */
export async function healthy(client: { health(): { readonly status: string } }, timeoutMs = 10_000): Promise<void> {
  await until(() => client.health().status === 'healthy', { timeoutMs, describe: 'the service to be healthy' });
}

/** Waits until a service says that its Redis can't be used. */
export async function degraded(client: { health(): { readonly status: string } }, timeoutMs = 10_000): Promise<void> {
  await until(() => client.health().status === 'degraded', { timeoutMs, describe: 'the service to be degraded' });
}

/** Milliseconds until `work` has ended, in either way. */
export async function timeOf(work: Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await work.catch(() => undefined);
  return performance.now() - startedMs;
}

/**
 * Lets some time go by between writes of different processes. Which of them is newer is decided by clocks that agree to within
 * half a round trip to Redis; on a busy machine that can be milliseconds.
 */
export async function passTime(ms = 50): Promise<void> {
  const fromMs = performance.now();
  await until(() => performance.now() - fromMs >= ms);
}
