// A program whose start of the cache fails after some of it was opened, and that goes on without. What it prints last is what still
// runs. Arguments: `sync.on_link_loss`, the port of a Redis, a folder for the log or nothing.
import { createManager } from '../../../dist/index.js';

const [onLinkLoss, port, dir] = process.argv.slice(2);
const redis = { connection_string: `redis://127.0.0.1:${port}`, command_timeout_ms: 300, connection_timeout_ms: 600 };
const missing = { connection_string: `rediss://127.0.0.1:${port}`, tls: { ca_file: '/nowhere/ca.pem' } };

// Timers that keep no process alive are counted as well.
let armed = 0;
const { setTimeout: schedule, setInterval: repeat } = globalThis;
// Not by an assignment, which the type checker would take for the type everywhere.
Object.assign(globalThis, {
  setTimeout: (...args) => (armed++, schedule(...args)),
  setInterval: (...args) => (armed++, repeat(...args)),
});

await createManager({
  global: {
    log_level: 'silent',
    health_check_interval: 1,
    sync: { on_link_loss: onLinkLoss },
    wal: dir === undefined ? { enabled: false } : { dir },
  },
  services: {
    first: { cache_type: 'two-level', l2: redis },
    second: { cache_type: 'two-level', l2: redis, sync: { transport: 'pubsub' } },
    third: { cache_type: 'two-level', l2: missing },
  },
}).catch((error) => console.log(`failed: ${error.code}`));

const leftovers = () => process.getActiveResourcesInfo().filter((name) => !/^(TTY|Pipe|FS|Immediate)/.test(name));
for (let looks = 0; looks < 50 && leftovers().length > 0; looks++) await new Promise((resolve) => schedule(resolve, 10));
console.log(`left: ${leftovers().join(' ') || 'nothing'}`);

// Longer than the longest pause between two timers of one that runs.
armed = 0;
await new Promise((resolve) => schedule(resolve, 1500));
console.log(`armed since: ${armed}`);
console.log('end');
