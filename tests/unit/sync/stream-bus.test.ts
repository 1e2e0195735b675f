/** What a link knows of the time, on a clock that stands still: how far back it can vouch, and how late messages came. */
import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Command, type Redis } from 'ioredis';
import { sealMessage } from '../../../lib/codec/invalidation-message.js';
import { StreamBus } from '../../../lib/sync/stream-bus.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';
import { RecordingFollower } from '../../support/bus-bench.js';
import { until } from '../../support/until.js';

/** A connection whose server is the test: commands wait until they are answered. */
class FakeClient extends EventEmitter {
  status = 'wait';
  destroyed = 0;
  readonly waiting: Command[] = [];
  readonly stream = { destroy: () => this.destroyed++ };

  connect(): Promise<void> {
    this.status = 'ready';
    this.emit('ready');
    return Promise.resolve();
  }

  sendCommand(command: Command): void {
    // Every session begins with the question for the role.
    if (command.name === 'hello') (command.resolve as (reply: unknown) => void)(['role', 'master']);
    else this.waiting.push(command);
  }

  disconnect(): void {
    this.status = 'end';
  }

  /** Answers the first waiting command of that name; resolves to its arguments. */
  async answer(name: string, reply: unknown): Promise<string[]> {
    await until(() => this.waiting.some((waits) => waits.name === name), {
      describe: () => `${name}; there are: ${this.waiting.map((waits) => waits.name).join()}`,
    });
    const at = this.waiting.findIndex((waits) => waits.name === name);
    const [command] = this.waiting.splice(at, 1);
    if (command === undefined) throw new Error(`no ${name}`);
    if (reply instanceof Error) command.reject(reply);
    else (command.resolve as (result: unknown) => void)(reply);
    await Promise.resolve();
    return command.args.map(String);
  }
}

const HELLO = ['m', sealMessage('ccccccc', '0'.repeat(24), 'h')];
const entry = (id: string, key: string): [string, string[]] => [
  id,
  ['m', sealMessage('bbbbbbb', '17672256001230007bbbbbbb', 'k', [key])],
];

describe('an idle stream bus with many followers', () => {
  const NAMES = ['a', 'b', 'c'];
  let client: FakeClient;
  let clock: FakeClock;
  let followers: RecordingFollower[];
  let bus: StreamBus;
  let sent: number;

  beforeEach(async () => {
    client = new FakeClient();
    clock = new FakeClock();
    sent = 0;
    const make = (): Redis => client as unknown as Redis;
    bus = new StreamBus({
      client: make,
      Command,
      clock,
      timeoutMs: 1000,
      serverNowMs: () => clock.nowMs(),
      sentCommands: () => sent,
      gatherMs: 0,
    });
    followers = NAMES.map((name) => new RecordingFollower(name));
    for (const follower of followers) bus.follow(follower);
    const started = bus.start();
    for (let i = 0; i < NAMES.length; i++) await client.answer('xrevrange', [['5-0', HELLO]]);
    await client.answer('xread', null);
    await started;
  });
  afterEach(() => {
    bus.close();
  });

  /** Answers reads with nothing for `turns` turns of 1.25 s; resolves to the commands sent. */
  const idle = async (turns: number): Promise<string[][]> => {
    const commands: string[][] = [];
    for (let turn = 0; turn < turns; turn++) {
      await until(() => client.waiting.some(({ name }) => name === 'xread'));
      for (const { name } of [...client.waiting]) {
        if (name === 'xrange') commands.push([name, ...(await client.answer(name, [['5-0', HELLO]]))]);
      }
      clock.advance(1250);
      commands.push(['xread', ...(await client.answer('xread', null))]);
    }
    return commands;
  };

  test('sends less than one command a second', async () => {
    const before = clock.nowMs();
    const commands = await idle(96);
    expect(commands.length).toBeLessThan((clock.nowMs() - before) / 1000);
  });

  test('checks a stream in every turn while the process uses Redis', async () => {
    await idle(2);
    sent++;
    expect((await idle(1)).map(([name]) => name)).toEqual(['xrange', 'xread']);
    expect((await idle(1)).map(([name]) => name)).toEqual(['xread']);
  });

  test('checks one stream after the other', async () => {
    const checked = (await idle(41)).filter(([name]) => name === 'xrange').map(([, stream]) => stream);
    const [a, b, c] = followers.map(({ streamName }) => streamName);
    expect(checked.slice(0, 4)).toEqual([a, b, c, a]);
  });

  test('checks all streams when the one in turn is gone', async () => {
    await until(() => client.waiting.some(({ name }) => name === 'xread'));
    await client.answer('xrange', []);
    for (let i = 1; i < NAMES.length; i++) await client.answer('xrange', []);
    for (const follower of followers) await follower.told('gap: the stream was trimmed, or its data replaced');
  });
});

describe('a stream bus', () => {
  let client: FakeClient;
  let clock: FakeClock;
  let follower: RecordingFollower;
  let bus: StreamBus;

  beforeEach(async () => {
    client = new FakeClient();
    clock = new FakeClock();
    follower = new RecordingFollower();
    const make = (): Redis => client as unknown as Redis;
    bus = new StreamBus({
      client: make,
      Command,
      clock,
      timeoutMs: 1000,
      serverNowMs: () => clock.nowMs() - 500,
      sentCommands: () => 0,
      gatherMs: 0,
    });
    bus.follow(follower);
    const started = bus.start();
    await client.answer('xrevrange', [['5-0', HELLO]]);
    await client.answer('xread', null);
    await started;
  });
  afterEach(() => {
    bus.close();
  });

  /** The reads of the next turn, with the look at the position before it. */
  const nextRead = async (): Promise<string[][]> => {
    await until(() => client.waiting.some(({ name }) => name === 'xread'));
    return client.waiting.map(({ name, args }) => [name, ...args.map(String)]);
  };

  test('asks for what comes behind its position, after a look whether that is still there', async () => {
    expect(await nextRead()).toEqual([
      ['xrange', follower.streamName, '5-0', '5-0'],
      ['xread', 'COUNT', '500', 'BLOCK', '1250', 'STREAMS', follower.streamName, '5-0'],
    ]);
  });

  test('vouches for the time Redis has waited, however late its answer is read', async () => {
    await nextRead();
    const sentMs = clock.nowMs();
    await client.answer('xrange', [['5-0', HELLO]]);
    // The process stood still for 1.9 s; the answer had been there for 1.4 s.
    clock.advance(1900);
    await client.answer('xread', null);
    await until(() => bus.lastLifeMs === sentMs + 1250);
  });

  test('vouches for the moment of the question when there were messages, and for nothing while there are more', async () => {
    await nextRead();
    const sentMs = clock.nowMs();
    clock.advance(300);
    await client.answer('xread', [[follower.streamName, [entry('6-0', 'a')]]]);
    await client.answer('xrange', [['5-0', HELLO]]);
    await nextRead();
    expect(bus.lastLifeMs).toBe(sentMs);
    clock.advance(300);
    const many = Array.from({ length: 500 }, (_, i) => entry(`7-${i}`, `k${i}`));
    await client.answer('xread', [[follower.streamName, many]]);
    await follower.told('k499');
    expect(bus.lastLifeMs).toBe(sentMs);
  });

  test('verifies, soon after a delivery, the entry it had read before it', async () => {
    await nextRead();
    clock.advance(100);
    await client.answer('xread', [[follower.streamName, [entry('6-0', 'a'), entry('7-0', 'b')]]]);
    await client.answer('xrange', [['5-0', HELLO]]);
    expect((await nextRead())[0]).toEqual(['xrange', follower.streamName, '5-0', '5-0']);
    await client.answer('xrange', []);
    await follower.told('gap: the stream was trimmed, or its data replaced');
    await client.answer('xread', null);
    // Nothing came since: one gap is enough.
    await client.answer('xrevrange', [entry('7-0', 'b')]);
    await nextRead();
    expect(follower.log.slice(2)).toEqual(['a', 'b', 'gap: the stream was trimmed, or its data replaced']);
  });

  test('verifies at once after many messages, however little time has passed', async () => {
    await nextRead();
    await client.answer('xrange', [['5-0', HELLO]]);
    await client.answer('xread', [[follower.streamName, [entry('6-0', 'a')]]]);
    expect((await nextRead())[0]![0]).toBe('xread');
    const many = Array.from({ length: 50 }, (_, i) => entry(`7-${i}`, `k${i}`));
    await client.answer('xread', [[follower.streamName, many]]);
    expect((await nextRead())[0]).toEqual(['xrange', follower.streamName, '5-0', '5-0']);
  });

  test('asks for a short wait after messages, so that a link which works shows life in time', async () => {
    const blockOf = async (): Promise<string | undefined> => (await nextRead()).find(([name]) => name === 'xread')?.[4];
    await client.answer('xrange', [['5-0', HELLO]]);
    expect(await blockOf()).toBe('1250');
    await client.answer('xread', [[follower.streamName, [entry('6-0', 'a')]]]);
    expect(await blockOf()).toBe('250');
    await client.answer('xread', null);
    expect(await blockOf()).toBe('1250');
  });

  /** Makes each message take 3 ms; resolves when a reply of 30 has begun to be delivered, with what is delivered by then. */
  const beginLongDelivery = async (): Promise<number> => {
    await nextRead();
    await client.answer('xrange', [['5-0', HELLO]]);
    follower.onMessage = () => {
      clock.advance(3);
    };
    const entries = Array.from({ length: 30 }, (_, i) => entry(`6-${i}`, `k${i}`));
    await client.answer('xread', [[follower.streamName, entries]]);
    await until(() => follower.log.includes('k0'));
    return follower.log.filter((line) => line.startsWith('k')).length;
  };

  test('lets the event loop turn while it delivers a long reply', async () => {
    let turns = 0;
    let isOver = false;
    const turn = (): void => {
      turns++;
      if (!isOver) setImmediate(turn);
    };
    expect(await beginLongDelivery()).toBe(3);
    setImmediate(turn);
    await follower.told('k29');
    isOver = true;
    expect(turns).toBeGreaterThanOrEqual(8);
    expect(follower.log.filter((line) => line.startsWith('k'))).toEqual(Array.from({ length: 30 }, (_, i) => `k${i}`));
  });

  test('goes on, when the link was lost in the middle of a reply, with what was not delivered', async () => {
    const delivered = await beginLongDelivery();
    client.emit('close');
    await follower.told('lost');
    client.waiting.length = 0;
    client.emit('ready');
    clock.advance(50);
    const args = await client.answer('xrange', [['5-0', HELLO]]);
    expect(args).toEqual([follower.streamName, '5-0', '5-0']);
    const [, ...read] = (await nextRead())[0] as string[];
    expect(read).toEqual(['COUNT', '500', 'STREAMS', follower.streamName, `6-${delivered - 1}`]);
    expect(follower.log.filter((line) => line.startsWith('k'))).toHaveLength(delivered);
  });

  test('takes an entry of the same id with another content for other data', async () => {
    await nextRead();
    await client.answer('xrange', [entry('5-0', 'x')]);
    await follower.told('gap: the stream was trimmed, or its data replaced');
  });

  test('knows how late messages came by the clock of Redis, and never less than nothing', async () => {
    await nextRead();
    const now = clock.nowMs() - 500;
    const entries = [entry(`${now - 40}-0`, 'a'), entry(`${now + 40}-0`, 'b')];
    await client.answer('xread', [[follower.streamName, entries]]);
    await follower.told('b');
    expect(follower.lags).toEqual([40, 0]);
  });

  test('drops the socket of a Redis that is silent for 2 s, and tells why once', async () => {
    await nextRead();
    clock.advance(1999);
    await new Promise(setImmediate);
    expect(follower.log).not.toContain('lost');
    clock.advance(1);
    await follower.told('lost');
    expect(client.destroyed).toBe(1);
    expect(follower.reasons).toEqual(['Redis did not answer within 2000 ms']);
    expect(bus.isUp).toBe(false);
  });

  test('reads what has come before it calls Redis silent', async () => {
    await nextRead();
    clock.advance(2000);
    await client.answer('xrange', [['5-0', HELLO]]);
    await client.answer('xread', null);
    await nextRead();
    expect(follower.log).not.toContain('lost');
  });

  test('tries again after growing pauses while Redis refuses', async () => {
    await nextRead();
    const refusal = Object.assign(new Error('LOADING Redis is loading the dataset in memory'), { name: 'ReplyError' });
    await client.answer('xread', refusal);
    await follower.told('lost');
    client.waiting.length = 0;
    for (const pauseMs of [50, 100, 200, 400, 800, 1000, 1000]) {
      clock.advance(pauseMs - 1);
      await new Promise(setImmediate);
      expect(client.waiting).toEqual([]);
      clock.advance(1);
      await client.answer('xrange', refusal);
      await new Promise(setImmediate);
    }
    expect(client.destroyed).toBe(0);
    expect(follower.log.filter((line) => line === 'lost')).toHaveLength(1);
  });

  test('leaves no timer behind when it is closed', async () => {
    await nextRead();
    bus.close();
    expect(clock.pendingTimers).toBe(0);
    expect(client.status).toBe('end');
  });
});
