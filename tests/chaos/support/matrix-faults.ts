/** The columns of the matrix: what befalls a process or its Redis, and what the process should say of it. */
import { rmSync } from 'node:fs';
import { blockEventLoop, EVICTION_POLICIES } from '../../../lib/testing/index.js';
import type { MatrixWorld } from './matrix-world.js';

/** A column. */
export interface MatrixFault {
  readonly name: string;
  begin(world: MatrixWorld): unknown;
  end?(world: MatrixWorld): unknown;
  /** Redis may forget entries, marks included. */
  readonly losesEntries?: boolean;
  /** What `health()` says at some time while it lasts; absent: either. */
  readonly health?: 'healthy' | 'not healthy';
  /** It needs Redis to be one server. */
  readonly standaloneOnly?: boolean;
  /** Never more services than a manager keeps log files open: of files that are closed, the values are given up. */
  readonly isSampled?: boolean;
  /** Health goes on naming what was refused until it is carried out again, or for five minutes; some scripts run seldom. */
  readonly isRefusal?: boolean;
}

/** How long the event loop is blocked: longer than any command's deadline. */
const BLOCK_MS = 1100;

const forbid = (...names: readonly string[]): MatrixFault => ({
  name: `a user that may not ${names.join(', ')}`,
  health: 'not healthy',
  isRefusal: true,
  begin: (world) => world.onServers((_, faults) => faults.forbidCommands(names)),
  end: (world) => world.recoverServers(),
});

const away = (
  name: string,
  begin: MatrixFault['begin'],
  end: MatrixFault['end'],
  more: Partial<MatrixFault> = {},
): MatrixFault => ({
  name,
  begin,
  ...(end === undefined ? {} : { end }),
  ...more,
});

/** See the file's header. */
export const MATRIX_FAULTS: readonly MatrixFault[] = [
  { name: 'no fault', begin: () => undefined, health: 'healthy' },
  {
    name: 'an event loop that is blocked while answers are on their way',
    begin: async () => {
      for (let times = 0; times < 2; times++) {
        await new Promise(setImmediate);
        blockEventLoop(BLOCK_MS);
      }
    },
    health: 'healthy',
  },
  {
    name: 'a machine that sleeps',
    begin: (world) => {
      world.sleepMachine(5000);
    },
    end: (world) => {
      world.wakeClock();
    },
    health: 'healthy',
  },
  away(
    'a frozen Redis',
    (world) => world.onServers((server) => server.freeze()),
    (world) => world.onServers((server) => server.thaw()),
    {
      health: 'not healthy',
    },
  ),
  away(
    'a Redis that is killed and restarted',
    (world) => world.onServers((server) => server.kill()),
    (world) => world.onServers((server) => server.restart()),
    {
      health: 'not healthy',
      standaloneOnly: true,
    },
  ),
  away(
    'a Redis that comes back empty',
    (world) => world.onServers((server) => server.kill()),
    (world) => world.onServers((server) => server.restart({ empty: true })),
    {
      health: 'not healthy',
      losesEntries: true,
      standaloneOnly: true,
    },
  ),
  away(
    'connections that are reset',
    (world) => {
      world.proxy.drop();
    },
    undefined,
    { standaloneOnly: true },
  ),
  away('connections that Redis ends', (world) => world.onServers((_, faults) => faults.killConnections()), undefined),
  away(
    'a network that swallows everything',
    (world) => {
      world.proxy.blackhole();
    },
    (world) => world.proxy.resume(),
    { health: 'not healthy', standaloneOnly: true },
  ),
  away(
    'answers that get lost',
    (world) => {
      world.proxy.halfOpen('toClient');
    },
    (world) => world.proxy.resume(),
    { health: 'not healthy', standaloneOnly: true },
  ),
  away(
    'an answer that is cut off',
    (world) => {
      world.proxy.cutAfter(500);
    },
    (world) => world.proxy.resume(),
    { standaloneOnly: true },
  ),
  away(
    'answers that are late',
    (world) => {
      world.proxy.setLatency(150, { jitterMs: 100 });
    },
    (world) => world.proxy.resume(),
    { standaloneOnly: true },
  ),
  away(
    'a pause of all writes',
    (world) => world.onServers((_, faults) => faults.pauseWrites(60_000)),
    (world) => world.recoverServers(),
    { health: 'not healthy' },
  ),
  away(
    'a primary that is demoted',
    (world) => world.onServers((_, faults) => faults.demote()),
    (world) => world.recoverServers(),
    {
      health: 'not healthy',
      standaloneOnly: true,
    },
  ),
  forbid('evalsha', 'eval'),
  forbid('evalsha'),
  forbid('get', 'mget'),
  forbid('xadd'),
  forbid('xread', 'xrange'),
  forbid('publish', 'subscribe'),
  forbid('time'),
  away('scripts that are flushed', (world) => world.onServers((server) => server.call('SCRIPT', 'FLUSH')), undefined),
  away('data that is flushed', (world) => world.onServers((server) => server.call('FLUSHALL')), undefined, {
    losesEntries: true,
  }),
  {
    name: 'bytes of somebody else, everywhere',
    begin: (world) => {
      world.startVandal();
    },
    end: (world) => world.stopVandal(),
    losesEntries: true,
    standaloneOnly: true,
  },
  ...EVICTION_POLICIES.map((policy): MatrixFault => ({
    name: `a full memory with ${policy}`,
    begin: (world) => world.onServers((_, faults) => faults.fillMemory({ policy, bytes: 500_000 })),
    end: (world) => world.recoverServers(),
    losesEntries: policy !== 'noeviction',
  })),
  away(
    'a log whose folder is removed while Redis is away',
    async (world) => {
      await world.onServers((server) => server.freeze());
      world.whenAway(() => rmSync(world.logFolder, { recursive: true, force: true }));
    },
    (world) => world.onServers((server) => server.thaw()),
    { health: 'not healthy', isSampled: true },
  ),
];
