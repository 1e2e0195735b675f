/**
 * What the tests of clients start from: one redis-server a file, emptied before each test, and managers that are closed
 * after it. Nothing here looks inside the library; what Redis holds and was asked for is read from Redis.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach } from '@jest/globals';
import type { Clock } from '../../../lib/base/clock.js';
import type { CacheClient } from '../../../lib/clients/cache-client.js';
import type { ConfigObject, GlobalConfig, ServiceConfig } from '../../../lib/config/config-object.js';
import type { CacheManager } from '../../../lib/manager/cache-manager.js';
import { createManager, type ManagerOptions } from '../../../lib/manager/create-manager.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';
import { RedisServer } from '../../support/redis-server.js';
import type { RedisServerOptions } from '../../support/redis-server-options.js';
import { useTemporaryFolder } from '../../support/temporary-folder.js';
import { watchCommands } from '../../support/watch-commands.js';

/** The kinds of services. */
export const KINDS = ['l1', 'l2', 'two-level'] as const;
export type Kind = (typeof KINDS)[number];

/** Those that have Redis. */
export const KINDS_WITH_L2 = ['l2', 'two-level'] as const;

/** The name of the service that {@link Workbench.client} opens. */
export const SERVICE = 'things';

/** Settings of a service, without what the workbench fills in. */
export type ServiceSettings = Partial<ServiceConfig>;

/** Options of a manager, and the global settings. */
export interface BenchOptions extends ManagerOptions {
  readonly global?: GlobalConfig;
}

/** See the file's header. */
export class Workbench {
  readonly #serverOptions: RedisServerOptions;
  readonly #managers: { readonly manager: CacheManager; readonly clock: Clock | undefined }[] = [];
  readonly #folder = useTemporaryFolder();
  #server: RedisServer | undefined;

  /** Registers the hooks of a test file. */
  constructor(serverOptions: RedisServerOptions = {}) {
    this.#serverOptions = serverOptions;
    beforeAll(async () => {
      this.#server = await RedisServer.start(this.#serverOptions);
    });
    afterAll(() => this.#server?.stop());
    beforeEach(() => this.server.flush());
    afterEach(async () => {
      const closing = this.#managers.splice(0).map(({ manager, clock }) => {
        const closed = manager.close({ deadline: '1s' });
        // A fake clock has to be told that the deadline has passed.
        if (clock instanceof FakeClock) clock.advance(1000);
        return closed;
      });
      await Promise.all(closing);
    });
  }

  /** The server all services of this file use. */
  get server(): RedisServer {
    if (this.#server === undefined) throw new Error('The server has not been started yet');
    return this.#server;
  }

  /** The folder of the test, where its managers keep their logs. */
  get folder(): string {
    return this.#folder.path;
  }

  /** Opens a manager; services with Redis get this server's address unless they have one. */
  async manager(services: Readonly<Record<string, ServiceConfig>>, options: BenchOptions = {}): Promise<CacheManager> {
    const { global, ...managerOptions } = options;
    // A clock that jumps is a process that was frozen: the link to the others would be lost, for a moment that nobody can foresee.
    const sync = options.clock instanceof FakeClock ? { sync: { enabled: false } } : {};
    const complete = Object.entries(services).map(([name, service]) => [name, this.#withAddress(service, options)] as const);
    const source: ConfigObject = {
      // Longer than any test, also one that moves a fake clock: clocks are compared once, when the manager opens.
      global: { health_check_interval: 3600, log_level: 'silent', ...sync, ...global, wal: { dir: this.folder, ...global?.wal } },
      services: Object.fromEntries(complete),
    };
    const manager = await createManager(source, managerOptions);
    this.#managers.push({ manager, clock: options.clock });
    // The files of the logs are made in the background; a clock that jumps meanwhile would be a disk that hangs.
    if (options.clock instanceof FakeClock) await Promise.all(manager.services.map((name) => manager.client(name).flush()));
    return manager;
  }

  /** Opens a manager with the one service {@link SERVICE}, as another process would, and returns its client. */
  async client<V = unknown>(kind: Kind, settings: ServiceSettings = {}, options?: BenchOptions): Promise<CacheClient<V>> {
    const manager = await this.manager({ [SERVICE]: { cache_type: kind, ...settings } }, options);
    return manager.client<V>(SERVICE);
  }

  /** Milliseconds until Redis removes an entry of a service; negative when it is not there. */
  async pttl(key: string, service = SERVICE): Promise<number> {
    return Number(await this.server.call('PTTL', `oxcache:${service}:${key}`));
  }

  /** All names in the database but those that belong to services as a whole, sorted: see {@link entryNames}. */
  names(): Promise<string[]> {
    return entryNames(this.server);
  }

  /** The names that belong to services as a whole, sorted. */
  async commonNames(): Promise<string[]> {
    return (await allNames(this.server)).filter((name) => COMMON.test(name));
  }

  /**
   * How often each command reached Redis while `work` ran, what scripts called included; absent: never. Streams and marks
   * don't count, nor does what listens to them: a test that is about those asks Redis itself.
   */
  async countCommands(work: () => Promise<unknown>): Promise<Readonly<Record<string, number | undefined>>> {
    const counts: Record<string, number | undefined> = {};
    const marker = `end ${randomUUID()}`;
    const end = defer<undefined>();
    const stop = await watchCommands(this.server.port, (name, args) => {
      if (args[0] === marker) end.resolve(undefined);
      else if (name === 'eval' || name === 'evalsha' || !args.some((text) => COMMON.test(text)))
        counts[name] = (counts[name] ?? 0) + 1;
    });
    try {
      await work();
      await this.server.call('ECHO', marker);
      await end.promise;
    } finally {
      stop();
    }
    return counts;
  }

  #withAddress(service: ServiceConfig, options: BenchOptions): ServiceConfig {
    if (service.cache_type === 'l1' || service.l2?.connection_string !== undefined || options.connections !== undefined)
      return service;
    return { ...service, l2: { ...service.l2, connection_string: this.server.url } };
  }
}

/** What belongs to a service as a whole: between the prefix and its name there is nothing. */
const COMMON = /::[\w.-]+:(?:stream|marks)$/;

/** All names in a database but the streams and clear marks of services, sorted. */
export async function entryNames(server: RedisServer): Promise<string[]> {
  return (await allNames(server)).filter((name) => !COMMON.test(name));
}

async function allNames(server: RedisServer): Promise<string[]> {
  return ((await server.call('KEYS', '*')) as string[]).sort();
}

/** A promise with its ends in hand, for loaders that are to last as long as a test says. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

/** Makes a {@link Deferred}. */
export function defer<T>(): Deferred<T> {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}

/** A loader that counts its calls and returns a value that tells them apart: `key#1`, `key#2`, … */
export function countingLoader(): {
  readonly load: (context: { readonly key: string }) => Promise<string>;
  readonly calls: string[];
} {
  const calls: string[] = [];
  return {
    calls,
    load: ({ key }) => {
      calls.push(key);
      return Promise.resolve(`${key}#${calls.filter((called) => called === key).length}`);
    },
  };
}
