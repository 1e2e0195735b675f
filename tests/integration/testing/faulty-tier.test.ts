/** The faulty tier over a real Redis: that each fault is what a client of a failing Redis sees, and what a manager makes of it. */
import { Redis, type RedisOptions } from 'ioredis';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { CacheClient } from '../../../lib/index.js';
import { FakeClock, FaultyTier } from '../../../lib/testing/index.js';
import { until } from '../../support/until.js';
import { SERVICE, Workbench, type ServiceSettings } from '../clients/workbench.js';

const OOM = "OOM command not allowed when used memory > 'maxmemory'.";
const TIMEOUT_MS = 200;

const bench = new Workbench();
const given: Redis[] = [];

afterEach(() => {
  for (const redis of given.splice(0)) redis.disconnect();
});

function connect(options: Omit<RedisOptions, 'replyMapping'> = {}): Redis {
  const redis = new Redis(bench.server.url, options);
  redis.on('error', () => undefined);
  given.push(redis);
  return redis;
}

async function faultyTier(clock?: FakeClock, options?: Omit<RedisOptions, 'replyMapping'>): Promise<FaultyTier> {
  const redis = connect(options);
  await redis.ping();
  return new FaultyTier(redis, clock === undefined ? {} : { clock });
}

/** The outcome of a promise so far. */
function watch(promise: Promise<unknown>): { outcome: unknown } {
  const watched: { outcome: unknown } = { outcome: 'open' };
  promise.then(
    (value) => (watched.outcome = value),
    (error: unknown) => (watched.outcome = error),
  );
  return watched;
}

const rejectionOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => expect(promise).rejects.toThrow(),
    (error: unknown) => error,
  );

describe('without faults, the connection of a FaultyTier', () => {
  test('is the client: commands, pipelines, scripts, transactions, bytes and options', async () => {
    const faulty = await faultyTier(undefined, { keyPrefix: 'app:' });
    const { connection } = faulty;
    expect(connection).toBeInstanceOf(Redis);
    expect([connection.status, connection.options.keyPrefix]).toEqual(['ready', 'app:']);
    expect(await connection.set('k', 'v')).toBe('OK');
    expect(await bench.server.call('GET', 'app:k')).toBe('v');
    expect(await connection.getBuffer('k')).toEqual(Buffer.from('v'));
    expect(await connection.pipeline().incr('n').get('k').exec()).toEqual([
      [null, 1],
      [null, 'v'],
    ]);
    expect(await connection.multi().incr('n').get('k').exec()).toEqual([
      [null, 2],
      [null, 'v'],
    ]);
    expect(await connection.eval('return KEYS[1]', 1, 'k')).toBe('app:k');
    expect(await connection.call('GET', 'k')).toBe('v');
    expect(faulty.commands).toEqual({ set: 1, get: 4, incr: 2, multi: 1, exec: 1, eval: 1 });
    expect(faulty.unanswered).toBe(0);
  });

  test('passes events on and leaves no listener on the client that nobody needs', async () => {
    const redis = connect();
    await redis.ping();
    const { connection } = new FaultyTier(redis);
    const events = ['connect', 'ready', 'close', 'error', 'end', 'reconnecting', 'message'];
    const count = (): number[] => events.map((event) => redis.listenerCount(event));
    const before = count();
    const seen: string[] = [];
    const note = (): unknown => seen.push('ready');
    expect(connection.on('ready', note)).toBe(connection);
    connection.once('close', () => seen.push('close'));
    expect(connection.listenerCount('ready')).toBe(1);
    redis.disconnect(true);
    await until(() => seen.length === 2);
    expect(seen).toEqual(['close', 'ready']);
    expect(redis.listenerCount('close')).toBe(before[events.indexOf('close')]);
    connection.off('ready', note);
    expect(count()).toEqual(before);
    connection.on('ready', note).removeAllListeners();
    expect(count()).toEqual(before);
  });

  test('connects a lazy client and disconnects it', async () => {
    const { connection } = new FaultyTier(connect({ lazyConnect: true }));
    expect(connection.status).toBe('wait');
    await connection.connect();
    expect(await connection.ping()).toBe('PONG');
    connection.disconnect();
    await until(() => connection.status === 'end');
  });
});

describe('a FaultyTier', () => {
  test('fail: refuses with the error ioredis would make of the reply, and nothing is carried out', async () => {
    const faulty = await faultyTier();
    const { connection } = faulty;
    await connection.set('text', 'v');
    const real = (await rejectionOf(connection.lpush('text', 'x'))) as Error & { command: unknown };
    faulty.fail(real.message);
    const made = (await rejectionOf(connection.lpush('list', 'x'))) as Error & { command: unknown };
    expect([made.name, made.message]).toEqual([real.name, real.message]);
    expect(real.command).toEqual({ name: 'lpush', args: ['text', 'x'] });
    expect(made.command).toEqual({ name: 'lpush', args: ['list', 'x'] });
    expect(await bench.server.call('EXISTS', 'list')).toBe(0);
    faulty.recover();
    expect(await connection.lpush('list', 'x')).toBe(1);
  });

  test('failNext: refuses so many commands, whatever the other faults are', async () => {
    const faulty = await faultyTier();
    faulty.failNext(2, OOM);
    faulty.hang();
    await expect(faulty.connection.get('a')).rejects.toThrow(OOM);
    await expect(faulty.connection.get('b')).rejects.toThrow(OOM);
    const third = watch(faulty.connection.get('c'));
    expect(faulty.unanswered).toBe(1);
    faulty.recover();
    expect(await faulty.connection.get('d')).toBeNull();
    expect(third.outcome).toBe('open');
    faulty.failNext(1, OOM);
    faulty.failNext(0, OOM);
    expect(await faulty.connection.get('d')).toBeNull();
  });

  test('failMatching: refuses the commands its function picks, by name and arguments', async () => {
    const faulty = await faultyTier();
    const { connection } = faulty;
    const seen: unknown[] = [];
    faulty.failMatching((name, args) => {
      seen.push([name, ...args]);
      return name === 'set' && args[0] === 'full' ? OOM : undefined;
    });
    await expect(connection.call('SET', 'full', 1)).rejects.toThrow(OOM);
    expect(await connection.set('k', Buffer.from('v'))).toBe('OK');
    expect(await connection.get('full')).toBeNull();
    expect(seen).toEqual([
      ['set', 'full', '1'],
      ['set', 'k', Buffer.from('v')],
      ['get', 'full'],
    ]);
  });

  test.each([
    [
      'throws',
      () => {
        throw new RangeError('mine');
      },
      RangeError,
    ],
    ['returns something else', () => 5 as never, TypeError],
  ])('failMatching: a function that %s rejects the command', async (_name, matcher, expected) => {
    const faulty = await faultyTier();
    faulty.failMatching(matcher);
    await expect(faulty.connection.get('k')).rejects.toThrow(expected);
  });

  test('faults hold inside a pipeline: for its commands one by one, for all, and for none of them', async () => {
    const faulty = await faultyTier();
    const run = (): Promise<unknown> => faulty.connection.pipeline().set('a', 1).get('a').set('b', Buffer.from('2')).exec();
    faulty.failMatching((name) => (name === 'get' ? OOM : undefined));
    expect(await run()).toEqual([[null, 'OK'], [expect.objectContaining({ message: OOM })], [null, 'OK']]);
    faulty.fail(OOM);
    const refused = [expect.objectContaining({ message: OOM })];
    expect(await run()).toEqual([refused, refused, refused]);
    faulty.recover();
    faulty.loseAnswers();
    await bench.server.flush();
    const lost = watch(run());
    await until(async () => (await bench.server.call('GET', 'b')) === '2');
    expect(lost.outcome).toBe('open');
    faulty.recover();
    expect(await run()).toEqual([
      [null, 'OK'],
      [null, '1'],
      [null, 'OK'],
    ]);
  });

  test('hang: takes commands and neither carries them out nor answers, also after the recovery', async () => {
    const faulty = await faultyTier();
    faulty.hang();
    const hung = watch(faulty.connection.set('k', 'v'));
    expect(faulty.unanswered).toBe(1);
    faulty.recover();
    expect(await faulty.connection.get('k')).toBeNull();
    expect(hung.outcome).toBe('open');
    expect(faulty.unanswered).toBe(1);
    faulty.disconnect();
    await until(() => hung.outcome !== 'open');
    expect(hung.outcome).toMatchObject({ message: 'Connection is closed.' });
  });

  test("hang: the client's own commandTimeout holds", async () => {
    const faulty = await faultyTier(undefined, { commandTimeout: 50 });
    faulty.hang();
    await expect(faulty.connection.get('k')).rejects.toThrow('Command timed out');
    expect(faulty.unanswered).toBe(0);
  });

  test('loseAnswers: carries commands out and never says so', async () => {
    const faulty = await faultyTier();
    faulty.loseAnswers();
    const lost = watch(faulty.connection.set('k', Buffer.from([0, 255])));
    const refused = watch(faulty.connection.lpush('k', 'x'));
    faulty.recover();
    expect(await faulty.connection.getBuffer('k')).toEqual(Buffer.from([0, 255]));
    expect([lost.outcome, refused.outcome]).toEqual(['open', 'open']);
  });

  test('delay: commands arrive later by the given clock, in their order, also when the delay shrinks', async () => {
    const clock = new FakeClock();
    const faulty = await faultyTier(clock);
    faulty.delay(1000);
    const first = watch(faulty.connection.set('k', 1));
    faulty.delay(0);
    const second = watch(faulty.connection.append('k', '2'));
    clock.advance(999);
    expect(await bench.server.call('EXISTS', 'k')).toBe(0);
    clock.advance(1);
    await until(() => second.outcome !== 'open');
    expect([first.outcome, second.outcome]).toEqual(['OK', 2]);
    expect(clock.pendingTimers).toBe(0);
    expect(await faulty.connection.get('k')).toBe('12');
  });

  test('delay: recover lets what waits go at once, and other faults meet commands on arrival', async () => {
    const clock = new FakeClock();
    const faulty = await faultyTier(clock);
    faulty.delay(1000);
    const refused = watch(faulty.connection.set('k', 1));
    faulty.fail(OOM);
    clock.advance(1000);
    await until(() => refused.outcome !== 'open');
    expect(refused.outcome).toMatchObject({ message: OOM });
    const late = faulty.connection.set('k', 2);
    faulty.recover();
    expect(await late).toBe('OK');
    expect(clock.pendingTimers).toBe(0);
  });

  test('disconnect and reconnect: what ioredis says and does when a connection is lost and found', async () => {
    const clock = new FakeClock();
    const faulty = await faultyTier(clock);
    const { connection } = faulty;
    const seen: string[] = [];
    for (const event of ['connect', 'ready', 'close', 'reconnecting', 'end', 'error'])
      connection.on(event as 'error', () => seen.push(`${event} ${connection.status}`));
    faulty.delay(1000);
    const delayed = watch(connection.set('k', 'delayed'));
    faulty.disconnect();
    faulty.disconnect();
    expect(seen).toEqual(['close reconnecting', 'reconnecting reconnecting']);
    await expect(connection.get('k')).rejects.toThrow('Connection is closed.');
    await expect(connection.connect()).rejects.toThrow('already connecting');
    expect(delayed.outcome).toMatchObject({ message: 'Connection is closed.' });
    clock.advance(1000);
    faulty.reconnect();
    faulty.reconnect();
    expect(seen.slice(2)).toEqual(['connect ready', 'ready ready']);
    faulty.recover();
    expect(await connection.get('k')).toBeNull();
    expect(seen).toHaveLength(4);
  });

  test('disconnect: a command that is under way fails although it is carried out', async () => {
    const faulty = await faultyTier();
    const sent = watch(faulty.connection.set('k', 'v'));
    faulty.disconnect();
    await until(async () => (await bench.server.call('GET', 'k')) === 'v');
    expect(sent.outcome).toMatchObject({ message: 'Connection is closed.' });
  });

  test('disconnect: the client may lose and find its connection meanwhile, and nobody hears of it before reconnect', async () => {
    const redis = connect();
    await redis.ping();
    const faulty = new FaultyTier(redis);
    faulty.disconnect();
    const seen: string[] = [];
    for (const event of ['close', 'ready']) faulty.connection.on(event as 'close', () => seen.push(event));
    redis.disconnect(true);
    await until(() => redis.status !== 'ready');
    await until(() => redis.status === 'ready');
    await redis.ping();
    expect(seen).toEqual([]);
    faulty.recover();
    expect(seen).toEqual(['ready']);
  });

  test.each(['hang', 'loseAnswers'] as const)('%s: a Redis that says nothing publishes nothing', async (fault) => {
    const redis = connect();
    const faulty = new FaultyTier(redis);
    const received: string[] = [];
    const passedOn: string[] = [];
    redis.on('message', (_channel, message) => received.push(message));
    faulty.connection.on('message', (_channel, message) => passedOn.push(message));
    await faulty.connection.subscribe('news');
    faulty[fault]();
    await bench.server.call('PUBLISH', 'news', 'unheard');
    await until(() => received.length === 1);
    faulty.recover();
    await bench.server.call('PUBLISH', 'news', 'heard');
    await until(() => received.length === 2);
    expect(passedOn).toEqual(['heard']);
  });

  test('duplicates are as faulty as the connection', async () => {
    const faulty = await faultyTier();
    const early = faulty.connection.duplicate();
    given.push(early);
    expect(await early.ping()).toBe('PONG');
    faulty.fail(OOM);
    await expect(early.ping()).rejects.toThrow(OOM);
    faulty.recover();
    let closed = 0;
    early.on('close', () => closed++);
    faulty.disconnect();
    expect(closed).toBe(1);
    const late = faulty.connection.duplicate();
    given.push(late);
    expect(late.status).toBe('reconnecting');
    await expect(late.ping()).rejects.toThrow('Connection is closed.');
    faulty.recover();
    expect(await late.ping()).toBe('PONG');
  });

  test('misuse is a TypeError (G12)', async () => {
    const faulty = await faultyTier();
    const calls: (() => unknown)[] = [
      () => new FaultyTier({} as never),
      () => new FaultyTier(undefined as never),
      () => new FaultyTier({ sendCommand: () => undefined, isCluster: true } as never),
      () => new FaultyTier(faulty.connection, { clok: 1 } as object),
      () => faulty.fail(''),
      () => faulty.failNext(-1, OOM),
      () => faulty.failNext(1, undefined as never),
      () => faulty.failMatching('get' as never),
      () => faulty.delay(Number.NaN),
    ];
    for (const call of calls) expect(call).toThrow(TypeError);
    expect(await faulty.connection.get('k')).toBeNull();
  });
});

describe('a manager over a FaultyTier', () => {
  async function open(settings: ServiceSettings = {}): Promise<{ faulty: FaultyTier; client: CacheClient }> {
    const faulty = await faultyTier();
    const options = { connections: { [SERVICE]: faulty.connection } };
    const l2 = { connection_string: bench.server.url, command_timeout_ms: TIMEOUT_MS };
    const client = await bench.client('two-level', { l2, ...settings }, options);
    return { faulty, client };
  }

  const recovered = (client: CacheClient): Promise<unknown> =>
    until(async () => (await client.set('probe', 1)).l2 === 'written', { describe: 'a write that reaches Redis' });

  test('works as over the client, and only there', async () => {
    const { faulty, client } = await open();
    const { get = 0 } = faulty.commands;
    expect(await client.set('k', 'v')).toEqual({ l1: true, l2: 'written' });
    expect(await client.getL2Only('k')).toBe('v');
    expect(faulty.commands.get).toBe(get + 1);
    expect(faulty.commands.evalsha).toBeGreaterThan(0);
    // So does what listens to other processes.
    expect(faulty.commands.xread).toBeGreaterThan(0);
  });

  test('that hangs: a read waits no longer than its deadline, then none waits at all, and it recovers (G6)', async () => {
    const { faulty, client } = await open();
    await client.set('warm', 'v');
    faulty.hang();
    expect(await client.get('warm')).toBe('v');
    const startedMs = performance.now();
    expect(await client.get('cold')).toBeUndefined();
    const waitedMs = performance.now() - startedMs;
    expect(waitedMs).toBeGreaterThanOrEqual(TIMEOUT_MS - 1);
    expect(waitedMs).toBeLessThan(TIMEOUT_MS + 500);
    await until(() => client.health().status === 'degraded');
    const { get } = faulty.commands;
    expect(await client.get('cold')).toBeUndefined();
    expect(faulty.commands.get).toBe(get);
    faulty.recover();
    await recovered(client);
    await until(() => client.health().status === 'healthy');
  });

  test('that is lost: degraded at once, nothing is sent, and used again once it is found (G6)', async () => {
    const { faulty, client } = await open();
    faulty.disconnect();
    expect(client.health().status).toBe('degraded');
    const before = faulty.commands;
    expect(await client.get('cold')).toBeUndefined();
    expect((await client.set('k', 'v')).l1).toBe(true);
    expect(faulty.commands).toEqual(before);
    faulty.reconnect();
    await recovered(client);
    expect(await client.get('k')).toBe('v');
  });

  test('that refuses writes: the value is in L1 and in the log, and in Redis once it recovers (G7, G8)', async () => {
    const { faulty, client } = await open();
    faulty.failMatching((name) => (name.startsWith('eval') ? OOM : undefined));
    const result = await client.set('k', 'value');
    expect(result).toEqual({ l1: true, l2: 'logged' });
    expect(await client.get('k')).toBe('value');
    faulty.recover();
    await until(() => client.metrics().loggedKeys === 0);
    expect(await client.getL2Only('k')).toBe('value');
  });

  test('that has forgotten its scripts is sent them again', async () => {
    const { faulty, client } = await open();
    faulty.failMatching((name) => (name === 'evalsha' ? 'NOSCRIPT No matching script. Please use EVAL.' : undefined));
    expect(await client.set('k', 'v')).toEqual({ l1: true, l2: 'written' });
    expect(faulty.commands.eval).toBeGreaterThan(0);
  });

  test('whose answers are lost: what was written is there although nobody said so', async () => {
    const { faulty, client } = await open();
    faulty.loseAnswers();
    expect((await client.set('k', 'v')).l2).not.toBe('written');
    faulty.recover();
    await recovered(client);
    expect(await client.getL2Only('k')).toBe('v');
  });

  test('that is late: a write nobody waits for any more does not undo a newer one (G4)', async () => {
    // Who listens to other processes always waits for an answer.
    const { faulty, client } = await open({ sync: { enabled: false } });
    const other = await bench.client('l2');
    faulty.delay(TIMEOUT_MS * 3);
    expect((await client.set('k', 'late')).l2).not.toBe('written');
    expect(await other.set('k', 'newer')).toMatchObject({ l2: 'written' });
    faulty.recover();
    await until(() => faulty.unanswered === 0);
    expect(await other.get('k')).toBe('newer');
  });
});
