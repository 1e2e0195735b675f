// Opens a bus, closes it in one of several states of Redis, and says what still keeps the process alive.
// Arguments: the transport, the state, the port of a Redis.
import { Command, Redis } from 'ioredis';
import { systemClock } from '../../../dist/base/clock.js';
import { PubSubBus } from '../../../dist/sync/pubsub-bus.js';
import { StreamBus } from '../../../dist/sync/stream-bus.js';

const [transport, state, port] = process.argv.slice(2);
const options = {
  lazyConnect: true,
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  enableReadyCheck: false,
  autoResubscribe: false,
};
const client = () => new Redis({ ...options, port: Number(port), disconnectTimeout: 200, retryStrategy: () => 50 });
const parts = {
  client,
  Command,
  clock: systemClock,
  timeoutMs: 1000,
  serverNowMs: () => systemClock.nowMs(),
  sentCommands: () => 0,
  gatherMs: 1,
};
const bus = transport === 'stream' ? new StreamBus(parts) : new PubSubBus(parts);
let lost = () => undefined;
const isLost = new Promise((resolve) => (lost = resolve));
const nothing = () => undefined;
const follower = { receive: nothing, ignored: nothing, gap: nothing, linkLost: lost, linkRestored: nothing };
bus.follow({ streamName: 't::s:stream', channelName: 't::s:bus', origin: 'aaaaaaa', ...follower });
await bus.start();
if (state === 'gone' || state === 'frozen') {
  console.log('ready');
  await isLost;
}
bus.close();
const leftovers = () => process.getActiveResourcesInfo().filter((name) => !/^(TTY|Pipe|FS|Immediate)/.test(name));
for (let looks = 0; looks < 50 && leftovers().length > 0; looks++) await new Promise((resolve) => setTimeout(resolve, 10));
console.log(`left: ${leftovers().join(' ') || 'nothing'}`);
