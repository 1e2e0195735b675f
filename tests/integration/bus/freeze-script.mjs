// Listens with a stream bus and prints what it is told. When it notices that it stood still, it says so, and whether it
// then believed that it had heard everything until a short time ago. Arguments: the port of a Redis.
import { Command, Redis } from 'ioredis';
import { systemClock } from '../../../dist/base/clock.js';
import { StreamBus } from '../../../dist/sync/stream-bus.js';

const options = {
  lazyConnect: true,
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  enableReadyCheck: false,
  autoResubscribe: false,
};
const client = () => new Redis({ ...options, port: Number(process.argv[2]), retryStrategy: () => 50 });
const serverNowMs = () => systemClock.nowMs();
const bus = new StreamBus({
  client,
  Command,
  clock: systemClock,
  timeoutMs: 1000,
  serverNowMs,
  sentCommands: () => 0,
  gatherMs: 1,
});

let lookedMs = systemClock.nowMs();
// What L1 would be asked at: any moment, also between two answers of Redis.
const look = () => {
  const nowMs = systemClock.nowMs();
  if (nowMs - lookedMs > 1500) console.log('woke');
  if (nowMs - lookedMs > 1500 && nowMs - bus.lastLifeMs < 1500) console.log('TRUSTED TOO LONG');
  lookedMs = nowMs;
};
const say = (line) => {
  look();
  console.log(line);
};
bus.follow({
  streamName: 't::svc:stream',
  channelName: 't::svc:bus',
  origin: 'aaaaaaa',
  receive: ({ keys }) => say(keys.join()),
  ignored: () => say('ignored'),
  gap: (reason) => say(`gap: ${reason}`),
  linkLost: () => say('lost'),
  linkRestored: () => say('restored'),
});
await bus.start();
setInterval(look, 5);
