/** A process that stands still and goes on later has missed nothing without knowing (G5). */
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { RecordingFollower, say } from '../../support/bus-bench.js';
import { RedisServer } from '../../support/redis-server.js';
import { startScript, type RunningScript } from '../../support/spawn-script.js';
import { until } from '../../support/until.js';

const SCRIPT = fileURLToPath(new URL('freeze-script.mjs', import.meta.url));
const names = new RecordingFollower();
let server: RedisServer;
let script: RunningScript;

beforeEach(async () => {
  server = await RedisServer.start();
  script = startScript(SCRIPT, { args: [String(server.port)], deadlineMs: 25_000 });
  await script.printed('restored');
});
afterEach(async () => {
  script.kill();
  await script.done;
  await server.stop();
});

/** Stops the process for three seconds and runs `meanwhile`; resolves to what it printed afterwards, until `line`. */
async function freeze(meanwhile: () => Promise<void>, line: string): Promise<string[]> {
  const before = script.stdout().length;
  script.kill('SIGSTOP');
  const stoppedMs = performance.now();
  await meanwhile();
  await until(() => performance.now() - stoppedMs > 3000);
  script.kill('SIGCONT');
  await until(() => script.stdout().slice(before).split('\n').includes(line), {
    describe: () => `"${line}"; printed was: ${script.stdout()}`,
  });
  return script.stdout().slice(before).trimEnd().split('\n');
}

describe('G5: a process that stood still', () => {
  test('is told of everything that was written meanwhile, and does not vouch for that time before', async () => {
    const keys = Array.from({ length: 700 }, (_, i) => `k${i}`);
    const lines = await freeze(async () => {
      for (const key of keys) await say('stream', server, names, [key]);
    }, 'k699');
    expect(lines[0]).toBe('woke');
    expect(lines.filter((line) => line.startsWith('k'))).toEqual(keys);
    expect(lines).not.toContain('TRUSTED TOO LONG');
    expect(lines.filter((line) => line.startsWith('gap'))).toEqual([]);
  });

  test('is told of a gap when what was written meanwhile has been trimmed away', async () => {
    const gap = 'gap: the stream was trimmed, or its data replaced';
    const lines = await freeze(async () => {
      for (let i = 0; i < 20; i++) await say('stream', server, names, [`k${i}`]);
      await server.call('XTRIM', names.streamName, 'MAXLEN', 2);
    }, gap);
    expect(lines).not.toContain('TRUSTED TOO LONG');
  });

  test('is told of a gap when Redis was emptied meanwhile', async () => {
    const lines = await freeze(() => server.flush(), 'gap: the stream was trimmed, or its data replaced');
    expect(lines).not.toContain('TRUSTED TOO LONG');
  });
});
