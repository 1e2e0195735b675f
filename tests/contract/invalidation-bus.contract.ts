/** What every transport of invalidations promises its followers (G5). */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { openMessage, sealMessage } from '../../lib/codec/invalidation-message.js';
import { makeBus, OWN, RecordingFollower, say, sayText, useBusBench, version, type Transport } from '../support/bus-bench.js';
import { RedisServer } from '../support/redis-server.js';
import { until } from '../support/until.js';

/** Runs the contract over one transport. */
export function describeInvalidationBus(transport: Transport): void {
  describe(`the ${transport} transport`, () => {
    const bench = useBusBench();
    let server: RedisServer;
    let follower: RecordingFollower;

    beforeAll(async () => {
      server = await RedisServer.start();
    });
    afterAll(() => server.stop());
    beforeEach(async () => {
      await server.flush();
      follower = new RecordingFollower();
    });

    const killLinks = async (): Promise<void> => {
      const clients = String(await server.call('CLIENT', 'LIST')).split('\n');
      for (const line of clients.filter((text) => text.includes('name=bus')))
        await server.call('CLIENT', 'KILL', 'ID', /id=(\d+)/.exec(line)?.[1] ?? '');
    };

    test('tells of a gap, then that the link is there, before start() resolves', async () => {
      const bus = await bench.open(transport, server, follower);
      expect(follower.log).toEqual(['gap: connected', 'restored']);
      expect(bus.isUp).toBe(true);
      expect(bus.lastLifeMs).toBeGreaterThan(0);
    });

    test('G5: delivers what others wrote, in order, whatever the keys are', async () => {
      await bench.open(transport, server, follower);
      const odd = ['', 'a"b\\', 'ü\u{1f600}\ud800', '\u0001oxcache:tag:t', 'x'.repeat(5000)].map((key) => `k${key}`);
      for (let i = 0; i < 50; i++) await say(transport, server, follower, [`key${i}`, `also${i}`]);
      await say(transport, server, follower, odd);
      await say(transport, server, follower, [], 'c');
      await follower.told('clear');
      const expected = Array.from({ length: 50 }, (_, i) => `key${i},also${i}`);
      expect(follower.log.slice(2)).toEqual([...expected, odd.join(','), 'clear']);
    });

    test('leaves out what the process sent itself, and greetings', async () => {
      await bench.open(transport, server, follower);
      await say(transport, server, follower, ['mine'], 'k', OWN);
      await say(transport, server, follower, [], 'c', OWN);
      await say(transport, server, follower, [], 'h');
      await say(transport, server, follower, ['theirs']);
      await follower.told('theirs');
      expect(follower.log.slice(2)).toEqual(['theirs']);
    });

    test('counts what is not a message, and goes on', async () => {
      await bench.open(transport, server, follower);
      const good = sealMessage('ccccccc', version(), 'k', ['a']);
      for (const text of ['', 'hello', good.slice(0, -1), good.replace('OXM1', 'OXM2'), '\u0000\ufffd'])
        await sayText(transport, server, follower, text);
      await say(transport, server, follower, ['good']);
      await follower.told('good');
      expect(follower.log.slice(2)).toEqual([...Array<string>(5).fill('ignored'), 'good']);
      expect(openMessage(good)?.keys).toEqual(['a']);
    });

    test('serves many services over one connection, each with its own messages', async () => {
      const followers = Array.from({ length: 30 }, (_, i) => new RecordingFollower(`svc${i}`));
      await bench.open(transport, server, ...followers);
      const clients = String(await server.call('CLIENT', 'LIST')).split('\n');
      expect(clients.filter((line) => line.includes('name=bus'))).toHaveLength(1);
      await Promise.all(followers.map((each, i) => say(transport, server, each, [`for${i}`])));
      await Promise.all(followers.map((each, i) => each.told(`for${i}`)));
      for (const [i, each] of followers.entries()) expect(each.log).toEqual(['gap: connected', 'restored', `for${i}`]);
    });

    test('reaches every process that listens', async () => {
      const second = new RecordingFollower();
      await bench.open(transport, server, follower);
      await bench.open(transport, server, second);
      await say(transport, server, follower, ['k']);
      await Promise.all([follower.told('k'), second.told('k')]);
    });

    test('a follower that throws is told of a gap and disturbs no other', async () => {
      const second = new RecordingFollower('second');
      follower.onMessage = () => {
        throw new Error('broken');
      };
      await bench.open(transport, server, follower, second);
      await say(transport, server, follower, ['a']);
      await say(transport, server, second, ['b']);
      await second.told('b');
      await follower.told('gap: a message could not be applied');
      expect(second.log).toEqual(['gap: connected', 'restored', 'b']);
    });

    test('a link that was cut is told of once, comes back by itself, and nothing that was missed is trusted', async () => {
      const bus = await bench.open(transport, server, follower);
      for (let round = 1; round <= 3; round++) {
        await killLinks();
        await follower.told('lost', round);
        await say(transport, server, follower, [`missed${round}`]);
        await follower.told('restored', round + 1);
        const since = follower.log.slice(follower.log.lastIndexOf('lost'));
        const known = since.indexOf(transport === 'stream' ? `missed${round}` : 'gap: subscribed again');
        expect(known).toBeGreaterThan(0);
        expect(known).toBeLessThan(since.indexOf('restored'));
        expect(bus.isUp).toBe(true);
      }
      expect(follower.log.filter((line) => line === 'lost')).toHaveLength(3);
    });

    test('a Redis that is not there fails the first attempt; the link is established when it is', async () => {
      await server.kill();
      const bus = await bench.open(transport, server, follower);
      expect(follower.log).toEqual(['lost']);
      expect(bus.isUp).toBe(false);
      expect(bus.lastLifeMs).toBe(0);
      await server.restart({ empty: true });
      await follower.told('restored');
      expect(follower.log).toEqual(['lost', 'gap: connected', 'restored']);
      await say(transport, server, follower, ['k']);
      await follower.told('k');
    });

    test('a Redis that was restarted without its data is a gap', async () => {
      await bench.open(transport, server, follower);
      await say(transport, server, follower, ['k']);
      await follower.told('k');
      await server.restart({ empty: true });
      await follower.told('restored', 2);
      const since = follower.log.slice(follower.log.indexOf('lost'));
      expect(since.filter((line) => line.startsWith('gap'))).toHaveLength(1);
      expect(since.at(-1)).toBe('restored');
      await say(transport, server, follower, ['k2']);
      await follower.told('k2');
    });

    test('a Redis that is silent is noticed within about 2 s, and its life ends with its last answer', async () => {
      const bus = await bench.open(transport, server, follower);
      const frozenMs = performance.timeOrigin + performance.now();
      server.freeze();
      try {
        await follower.told('lost');
        const lostMs = performance.timeOrigin + performance.now();
        expect(lostMs - frozenMs).toBeLessThan(2600);
        expect(bus.lastLifeMs).toBeLessThanOrEqual(frozenMs);
      } finally {
        server.thaw();
      }
      await say(transport, server, follower, ['after']);
      await follower.told('restored', 2);
      expect(bus.lastLifeMs).toBeGreaterThan(frozenMs);
    });

    test('while Redis answers, its last life is never 2 s ago', async () => {
      const bus = await bench.open(transport, server, follower);
      const startedMs = performance.now();
      let oldestMs = 0;
      await until(async () => {
        oldestMs = Math.max(oldestMs, performance.timeOrigin + performance.now() - bus.lastLifeMs);
        // Messages at any moment of a wait must not hide that there is life.
        if (Math.random() < 0.01) await say(transport, server, follower, ['k']);
        return performance.now() - startedMs > 2500;
      });
      expect(oldestMs).toBeLessThan(1700);
    });

    test('after close() nobody is told anything, and Redis has no such client any more', async () => {
      const bus = await bench.open(transport, server, follower);
      bus.close();
      bus.close();
      expect(bus.isUp).toBe(false);
      await say(transport, server, follower, ['k']);
      await until(async () => !String(await server.call('CLIENT', 'LIST')).includes('name=bus'));
      expect(follower.log).toEqual(['gap: connected', 'restored']);
    });

    test('can be closed before it was started, and while it starts', async () => {
      const early = makeBus(transport, server);
      early.follow(follower);
      early.close();
      await early.start();
      const late = makeBus(transport, server);
      late.follow(follower);
      const started = late.start();
      late.close();
      await started;
      await until(async () => !String(await server.call('CLIENT', 'LIST')).includes('name=bus'));
      expect(follower.log).toEqual([]);
    });

    test('takes followers before it is started only', async () => {
      const bus = await bench.open(transport, server, follower);
      expect(() => {
        bus.follow(new RecordingFollower('late'));
      }).toThrow(TypeError);
    });
  });
}
