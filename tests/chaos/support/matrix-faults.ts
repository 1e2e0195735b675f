/** The columns of the matrix: what befalls a process or its Redis, and what the process should say of it. */
import { rmSync } from 'node:fs';
import { blockEventLoop, EVICTION_POLICIES } from '../../../lib/testing/index.js';
import type { RedisMode } from '../../support/deployment.js';
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
  /** It steps the server's clock, by which leases end. */
  readonly stepsClock?: boolean;
  /** Where it can be played; absent: everywhere. */
  readonly modes?: readonly RedisMode[];
  /** Never more services than a manager keeps log files open: of files that are closed, the values are given up. */
  readonly isSampled?: boolean;
  /** Health goes on naming what was refused until it is carried out again, or for five minutes; some scripts run seldom. */
  readonly isRefusal?: boolean;
}

/** What is on the way to one server, or is restarted where nobody takes its place. */
const ALONE: readonly RedisMode[] = ['standalone'];

/** How long the event loop is blocked: longer than any command's deadline. */
const BLOCK_MS = 1100;
/** Steps of a clock: what comes from more than a minute ahead is of a broken clock, and counts as nothing once that is right again. */
const STEPS_MS = { small: 30_000, large: 120_000 } as const;

const forbid = (...names: readonly string[]): MatrixFault => ({
  name: `a user that may not ${names.join(', ')}`,
  health: 'not healthy',
  isRefusal: true,
  begin: (world) => world.onPrimaries((_, faults) => faults.forbidCommands(names)),
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

const step = (name: string, aheadMs: number, losesEntries = false): MatrixFault => ({
  name,
  losesEntries,
  stepsClock: true,
  begin: (world) => {
    world.stepClocks(aheadMs);
  },
  end: (world) => {
    world.stepClocks(0);
  },
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
    (world) => world.onPrimaries((server) => server.freeze()),
    (world) => world.recoverServers(),
    {
      health: 'not healthy',
    },
  ),
  away(
    'a Redis that is killed and restarted',
    (world) => world.onPrimaries((server) => server.kill()),
    (world) => world.recoverServers(),
    {
      health: 'not healthy',
      modes: ALONE,
    },
  ),
  away(
    'a Redis that comes back empty',
    (world) => world.onPrimaries((server) => server.kill()),
    (world) => world.onServers((server) => server.restart({ empty: true })),
    {
      health: 'not healthy',
      losesEntries: true,
      modes: ALONE,
    },
  ),
  away(
    'connections that are reset',
    (world) => {
      world.proxy.drop();
    },
    undefined,
    { modes: ALONE },
  ),
  away('connections that Redis ends', (world) => world.onPrimaries((_, faults) => faults.killConnections()), undefined),
  away(
    'a network that swallows everything',
    (world) => {
      world.proxy.blackhole();
    },
    (world) => world.proxy.resume(),
    { health: 'not healthy', modes: ALONE },
  ),
  away(
    'answers that get lost',
    (world) => {
      world.proxy.halfOpen('toClient');
    },
    (world) => world.proxy.resume(),
    { health: 'not healthy', modes: ALONE },
  ),
  away(
    'an answer that is cut off',
    (world) => {
      world.proxy.cutAfter(500);
    },
    (world) => world.proxy.resume(),
    { modes: ALONE },
  ),
  away(
    'answers that are late',
    (world) => {
      world.proxy.setLatency(150, { jitterMs: 100 });
    },
    (world) => world.proxy.resume(),
    { modes: ALONE },
  ),
  away(
    'a pause of all writes',
    (world) => world.onPrimaries((_, faults) => faults.pauseWrites(60_000)),
    (world) => world.recoverServers(),
    { health: 'not healthy' },
  ),
  away(
    'a primary that is demoted',
    (world) => world.onPrimaries((_, faults) => faults.demote()),
    (world) => world.recoverServers(),
    {
      health: 'not healthy',
      modes: ALONE,
    },
  ),
  away('a replica that becomes the primary', (world) => world.changePrimary(), undefined, { modes: ['sentinel', 'cluster'] }),
  away(
    'a primary that is killed, and whose replica takes its place',
    (world) => world.killPrimary(),
    (world) => world.recoverServers(),
    { health: 'not healthy', modes: ['sentinel'] },
  ),
  step('a server clock that is set forward by seconds, and back', STEPS_MS.small),
  step('a server clock that is set back by seconds, and forward', -STEPS_MS.small),
  step('a server clock that is set forward by minutes, and back', STEPS_MS.large, true),
  step('a server clock that is set back by minutes, and forward', -STEPS_MS.large, true),
  forbid('evalsha', 'eval'),
  forbid('evalsha'),
  forbid('get', 'mget'),
  forbid('xadd'),
  forbid('xread', 'xrange'),
  forbid('publish', 'subscribe'),
  forbid('time'),
  away('scripts that are flushed', (world) => world.onPrimaries((server) => server.call('SCRIPT', 'FLUSH')), undefined),
  away('data that is flushed', (world) => world.onPrimaries((server) => server.call('FLUSHALL')), undefined, {
    losesEntries: true,
  }),
  {
    name: 'bytes of somebody else, everywhere',
    begin: (world) => {
      world.startVandal();
    },
    end: (world) => world.stopVandal(),
    losesEntries: true,
    modes: ALONE,
  },
  ...EVICTION_POLICIES.map((policy): MatrixFault => ({
    name: `a full memory with ${policy}`,
    begin: (world) => world.onPrimaries((_, faults) => faults.fillMemory({ policy, bytes: 500_000 })),
    end: (world) => world.recoverServers(),
    losesEntries: policy !== 'noeviction',
  })),
  away(
    'a log whose folder is removed while Redis is away',
    async (world) => {
      await world.onPrimaries((server) => server.freeze());
      world.whenAway(() => rmSync(world.logFolder, { recursive: true, force: true }));
    },
    (world) => world.recoverServers(),
    { health: 'not healthy', isSampled: true },
  ),
];
