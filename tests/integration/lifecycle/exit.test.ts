/** After `close()` a process ends by itself, whatever state Redis and the loads were in (G9). */
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { startScript, type RunningScript } from '../../support/spawn-script.js';
import { entryNames } from '../clients/workbench.js';
import { useRig } from '../outage/rig.js';

const rig = useRig();
const SCRIPT = fileURLToPath(new URL('exit-script.mjs', import.meta.url));

function start(scenario: string, port: number): RunningScript {
  return startScript(SCRIPT, { args: [scenario, String(port)], cwd: rig.folder, deadlineMs: 8000 });
}

/** The script ran to its end, printed nothing that was not asked for, and nothing was left to keep it alive. */
async function expectToEnd(script: RunningScript): Promise<string> {
  const { code, signal, stdout, stderr, timedOut } = await script.done;
  expect({ code, signal, timedOut, stderr }).toEqual({ code: 0, signal: null, timedOut: false, stderr: '' });
  expect(stdout).toContain('left: nothing\nend\n');
  return stdout;
}

describe('G9: a process ends by itself after close()', () => {
  test.each(['in use', 'shutdown and init again'])('with a Redis in use: %s', async (scenario) => {
    const server = await rig.startRedis();
    await expectToEnd(start(scenario, server.port));
  });

  test('with writes that wait, which are in Redis then', async () => {
    const server = await rig.startRedis();
    await expectToEnd(start('write-behind', server.port));
    expect(await entryNames(server)).toHaveLength(500);
  });

  test('with a Redis that was lost', async () => {
    const server = await rig.startRedis();
    const script = start('redis lost', server.port);
    await script.printed('ready');
    await server.kill();
    await expectToEnd(script);
  });

  test('with a Redis that never was there', async () => {
    const server = await rig.startRedis();
    await server.kill();
    await expectToEnd(start('redis missing', server.port));
  });

  test('with a Redis that accepts and never answers', async () => {
    const server = await rig.startRedis();
    const proxy = await rig.startProxy(server);
    proxy.blackhole();
    await expectToEnd(start('redis silent', proxy.port));
  });

  test('with a Redis that froze', async () => {
    const server = await rig.startRedis();
    const script = start('redis frozen', server.port);
    await script.printed('ready');
    server.freeze();
    await expectToEnd(script);
  });

  test.each(['a load that never ends', 'a load in l1 that never ends'])('with %s, whose caller is told', async (scenario) => {
    const server = await rig.startRedis();
    expect(await expectToEnd(start(scenario, server.port))).toContain('load: CACHE_CLOSED');
  });

  test('and a load that takes too long is told so, even if nothing else keeps the process alive', async () => {
    expect(await expectToEnd(start('a load in l1 that takes too long', 0))).toContain('load: CACHE_LOAD_TIMEOUT');
  });

  test('and without close() where there is no Redis to be connected to', async () => {
    const { code, timedOut, stderr } = await start('never closed, l1 only', 0).done;
    expect({ code, timedOut, stderr }).toEqual({ code: 0, timedOut: false, stderr: '' });
  });
});
