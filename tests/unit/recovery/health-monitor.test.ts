/** A monitor drives its connection: probes, the gate, the timer, the listeners, and one line in the log per change. */
import { describe, expect, test } from '@jest/globals';
import { CacheError } from '../../../lib/base/errors.js';
import type { Logger } from '../../../lib/observe/logger.js';
import { HealthMonitor } from '../../../lib/recovery/health-monitor.js';
import type { ConnectionListener, MonitoredConnection } from '../../../lib/tiers/redis/connection-monitor.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';

const INTERVAL_MS = 30_000;

/** A connection whose probes are answered by the test. */
class FakeConnection implements MonitoredConnection {
  readonly endpoint = 'redis://fake';
  readonly isOwned = true;
  isFull = false;
  isOpen = false;
  successes = 0;
  drops = 0;
  writesStopped: string | undefined;
  readonly probes: { readonly mustWrite: boolean; readonly answer: () => void; readonly fail: (error: Error) => void }[] = [];

  openGate(): void {
    this.isOpen = true;
  }
  closeGate(): void {
    this.isOpen = false;
  }
  stopWrites(reason: string | undefined): void {
    this.writesStopped = reason;
  }
  probe(mustWrite: boolean): Promise<void> {
    return new Promise((answer, fail) => {
      this.probes.push({ mustWrite, answer, fail });
    });
  }
  dropSocket(): void {
    this.drops++;
  }
  takeSuccesses(): number {
    const taken = this.successes;
    this.successes = 0;
    return taken;
  }
}

const flush = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function setUp() {
  const clock = new FakeClock();
  const connection = new FakeConnection();
  const lines: string[] = [];
  const write =
    (level: string) =>
    (message: string): void => {
      lines.push(`${level} ${message}`);
    };
  const logger: Logger = { error: write('error'), warn: write('warn'), info: write('info'), debug: write('debug') };
  const monitor = new HealthMonitor(connection, { clock, logger, intervalMs: INTERVAL_MS });
  const answer = async (): Promise<void> => {
    connection.probes.at(-1)?.answer();
    await flush();
  };
  const comeUp = async (): Promise<void> => {
    monitor.onEvent({ type: 'ready' });
    await answer();
  };
  return { clock, connection, lines, monitor, answer, comeUp };
}

test('the gate opens with the answer to a probe and closes with the connection', async () => {
  const { clock, connection, monitor, comeUp } = setUp();
  expect(monitor.health()).toMatchObject({ status: 'degraded', reason: 'not connected yet' });
  monitor.onEvent({ type: 'ready' });
  expect(monitor.health().status).toBe('recovering');
  await comeUp();
  expect([connection.isOpen, monitor.health().status, monitor.health().reason]).toEqual([true, 'healthy', undefined]);
  clock.advance(5);
  monitor.onEvent({ type: 'closed' });
  expect([connection.isOpen, clock.pendingTimers]).toEqual([false, 0]);
  expect(monitor.health()).toEqual({
    endpoint: 'redis://fake',
    status: 'degraded',
    traffic: 'none',
    reason: 'connection lost',
    sinceMs: clock.nowMs(),
  });
});

test('probes come at every interval by one timer, and a silent one ends the use and the socket', async () => {
  const { clock, connection, answer, comeUp } = setUp();
  await comeUp();
  for (let i = 2; i < 5; i++) {
    expect(clock.pendingTimers).toBe(1);
    clock.advance(INTERVAL_MS);
    expect(connection.probes).toHaveLength(i);
    await answer();
  }
  clock.advance(INTERVAL_MS);
  connection.probes.at(-1)?.fail(new CacheError('CACHE_L2_TIMEOUT', 'silent'));
  await flush();
  expect([connection.isOpen, connection.drops]).toEqual([false, 1]);
});

test('a missed command causes a probe, and too many failures among the commands counted stop the traffic', async () => {
  const { connection, monitor, answer, comeUp } = setUp();
  await comeUp();
  connection.successes = 21;
  for (let i = 0; i < 20; i++) monitor.onEvent({ type: 'missed' });
  expect(connection.probes).toHaveLength(2);
  await answer();
  expect(connection.isOpen).toBe(true);
  monitor.onEvent({ type: 'lost' });
  await answer();
  expect(connection.isOpen).toBe(false);
  expect(monitor.health().reason).toBe('21 of 42 commands failed within 5 s');
});

describe('listeners', () => {
  test('hear every time that Redis can be used, of each outage once, and in order', async () => {
    const { clock, monitor, comeUp } = setUp();
    const heard: string[] = [];
    const listener: ConnectionListener = {
      onUsable: (isFirst) => heard.push(`usable ${isFirst}`),
      onDegrade: (reason) => heard.push(`degrade ${reason}`),
      onRecover: (downMs) => heard.push(`recover ${downMs}`),
    };
    const stop = monitor.listen(listener);
    monitor.listen({});
    await comeUp();
    monitor.onEvent({ type: 'closed' });
    monitor.onEvent({ type: 'closed' });
    clock.advance(40);
    await comeUp();
    expect(heard).toEqual(['usable true', 'degrade connection lost', 'usable false', 'recover 40']);
    stop();
    monitor.onEvent({ type: 'closed' });
    expect(heard).toHaveLength(4);
  });

  test('that begin a replay as soon as Redis can be used are seen replaying by those that hear of the recovery', async () => {
    const { connection, monitor, comeUp } = setUp();
    const ends: (() => void)[] = [];
    const seen: string[] = [];
    for (let i = 0; i < 2; i++) {
      monitor.listen({
        onUsable: () => ends.push(monitor.beginReplay()),
        onRecover: () => seen.push(monitor.health().status),
      });
    }
    monitor.onEvent({ type: 'closed' });
    await comeUp();
    expect(seen).toEqual(['replaying', 'replaying']);
    expect(connection.isOpen).toBe(true);
    ends[0]?.();
    ends[0]?.();
    expect(monitor.health().status).toBe('replaying');
    ends[1]?.();
    expect(monitor.health().status).toBe('healthy');
  });
});

test('what a listener causes is done after everything that caused it', async () => {
  const { lines, monitor, comeUp } = setUp();
  for (const name of ['first', 'second'])
    monitor.listen({
      onUsable: () => {
        lines.push(name);
        monitor.beginReplay();
      },
    });
  monitor.onEvent({ type: 'closed' });
  await comeUp();
  expect(lines.slice(1)).toEqual(['first', 'second', expect.stringContaining('is back')]);
});

describe('the log', () => {
  test('has one line with the reason and advice for an outage, and one for its end', async () => {
    const { clock, lines, monitor, comeUp } = setUp();
    await comeUp();
    monitor.onEvent({ type: 'closed' });
    for (let i = 0; i < 10; i++) {
      monitor.onEvent({ type: 'error', failure: { code: 'UNREACHABLE', reason: 'ECONNREFUSED' } });
      monitor.onEvent({ type: 'closed' });
    }
    clock.advance(1500);
    await comeUp();
    expect(lines).toEqual([
      expect.stringMatching(/^warn Redis at redis:\/\/fake can't be used: connection lost\. Check that it runs/),
      'info Redis at redis://fake is back after 1.5 s.',
    ]);
  });

  test('calls what needs a person an error, once', async () => {
    const { lines, monitor, comeUp } = setUp();
    await comeUp();
    monitor.onEvent({ type: 'closed' });
    for (let i = 0; i < 10; i++) {
      monitor.onEvent({ type: 'error', failure: { code: 'WRONGPASS', reason: 'WRONGPASS invalid' } });
      monitor.onEvent({ type: 'closed' });
    }
    expect(lines.map((line) => line.slice(0, 5))).toEqual(['warn ', 'error']);
    expect(lines[1]).toContain('now for another reason: WRONGPASS invalid. It does not accept this login');
  });

  test('says once that Redis is full, and that it is not any more', async () => {
    const { clock, connection, lines, monitor, comeUp } = setUp();
    await comeUp();
    for (let i = 0; i < 10; i++) monitor.onEvent({ type: 'refused', failure: { code: 'OOM', reason: 'OOM no room' } });
    expect([connection.isFull, connection.isOpen]).toEqual([true, true]);
    monitor.onEvent({ type: 'accepted' });
    expect(connection.isFull).toBe(false);
    clock.advance(30_000);
    expect(lines).toEqual([
      expect.stringMatching(/^warn .* refuses commands, and the others go on: OOM no room\. Its memory is full/),
      'info Redis at redis://fake takes new values again.',
    ]);
  });
});

test('after close nothing happens any more, and no timer is left', async () => {
  const { clock, connection, lines, monitor, comeUp, answer } = setUp();
  await comeUp();
  const heard: string[] = [];
  monitor.listen({ onDegrade: (reason) => heard.push(reason) });
  const end = monitor.beginReplay();
  monitor.close();
  expect(clock.pendingTimers).toBe(0);
  monitor.onEvent({ type: 'closed' });
  await answer();
  end();
  expect([heard, lines, connection.probes.length]).toEqual([[], [], 1]);
  expect(monitor.health()).toMatchObject({ status: 'degraded', reason: 'closed' });
});
