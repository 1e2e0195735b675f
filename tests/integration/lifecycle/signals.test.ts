/** What `closeOnSignals` makes of signals, in processes of their own. */
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { KIND_AT } from '../../../lib/codec/envelope.js';
import { closeOnSignals, type CloseOnSignalsOptions } from '../../../lib/manager/close-on-signals.js';
import { startScript, type RunningScript } from '../../support/spawn-script.js';
import { entryNames } from '../clients/workbench.js';
import { useRig } from '../outage/rig.js';

const rig = useRig();
const SCRIPT = fileURLToPath(new URL('signals-script.mjs', import.meta.url));

async function start(scenario: string, port = 1): Promise<RunningScript> {
  const script = startScript(SCRIPT, { args: [scenario, String(port)], cwd: rig.folder, deadlineMs: 10_000 });
  await script.printed('ready');
  return script;
}

/** How the script ended; it printed no error. */
async function ending(script: RunningScript) {
  const { code, signal, stderr } = await script.done;
  expect(stderr).toBe('');
  return { code, signal };
}

describe('G9: closeOnSignals', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    'at %s drains what was accepted, then the signal ends the process',
    async (signal) => {
      const server = await rig.startRedis();
      const script = await start('one manager', server.port);
      expect(await entryNames(server)).toHaveLength(0);
      script.kill(signal);
      expect(await ending(script)).toEqual({ code: null, signal });
      expect(await entryNames(server)).toHaveLength(300);
    },
  );

  test('closes every manager it was called for before the process ends', async () => {
    const server = await rig.startRedis();
    const script = await start('two managers', server.port);
    script.kill('SIGHUP');
    expect(await ending(script)).toEqual({ code: null, signal: 'SIGHUP' });
    expect(await entryNames(server)).toHaveLength(600);
  });

  test('leaves a signal alone that it was not told of', async () => {
    const server = await rig.startRedis();
    const script = await start('two managers', server.port);
    script.kill('SIGINT');
    expect(await ending(script)).toEqual({ code: null, signal: 'SIGINT' });
    expect(await entryNames(server)).toHaveLength(0);
  });

  test('closes and leaves the ending to a handler that the program has', async () => {
    const server = await rig.startRedis();
    const script = await start('a handler of its own', server.port);
    script.kill('SIGTERM');
    expect(await ending(script)).toEqual({ code: 7, signal: null });
    expect(await entryNames(server)).toHaveLength(300);
  });

  test('also to one that is called once and is not done yet', async () => {
    const server = await rig.startRedis();
    const script = await start('a handler of its own, once', server.port);
    script.kill('SIGTERM');
    expect(await ending(script)).toEqual({ code: 7, signal: null });
    expect(await entryNames(server)).toHaveLength(300);
  });

  test.each(['SIGTERM', 'SIGINT'] as const)('does not wait when %s comes during the closing', async (second) => {
    const script = await start('a load that never ends');
    script.kill('SIGTERM');
    await script.printed('closing');
    script.kill(second);
    expect(await ending(script)).toEqual({ code: null, signal: second });
  });

  test.each([
    'a load that never ends, with a deadline',
    'closing that fails',
    'closing that never ends',
    'handlers that were removed',
    'no manager',
  ])('the process ends by the signal with %s', async (scenario) => {
    const script = await start(scenario);
    script.kill('SIGTERM');
    expect(await ending(script)).toEqual({ code: null, signal: 'SIGTERM' });
    expect(script.stdout()).toBe('ready\n');
  });

  test('runs `before` while everything is open, then drains, then `after`', async () => {
    const server = await rig.startRedis();
    const script = await start('a server that is asked something', server.port);
    await script.printed('asked');
    script.kill('SIGTERM');
    expect(await ending(script)).toEqual({ code: null, signal: 'SIGTERM' });
    expect(script.stdout()).toBe('ready\nasked\nbefore healthy\n{"deleted":true,"status":"healthy"}\nafter closed\n');
    expect(await server.call('GETRANGE', 'oxcache:behind:row', String(KIND_AT), String(KIND_AT))).toBe('d');
  });

  test('closes and ends although `before` and `after` fail, and warns of both', async () => {
    const script = await start('steps that fail');
    script.kill('SIGTERM');
    const { signal, stderr } = await script.done;
    expect(signal).toBe('SIGTERM');
    expect(stderr.match(/OXCACHE_CLOSE_HOOK.*`(before|after)`/g)).toHaveLength(2);
    expect(stderr).not.toContain('secret');
  });

  test('does not wait for steps longer than `deadline`', async () => {
    const script = await start('steps that never end');
    script.kill('SIGTERM');
    expect(await ending(script)).toEqual({ code: null, signal: 'SIGTERM' });
  });

  test('its handlers go with the manager', async () => {
    const script = startScript(SCRIPT, { args: ['thirty cycles'], deadlineMs: 10_000 });
    expect(await ending(script)).toEqual({ code: 0, signal: null });
    expect(script.stdout()).toBe('0 0\n');
  });

  test('keeps no process alive', async () => {
    const script = startScript(SCRIPT, { args: ['nothing to do'], deadlineMs: 10_000 });
    expect(await ending(script)).toEqual({ code: 0, signal: null });
  });

  test.each<[unknown, RegExp]>([
    [null, /Expected `options` to be an object, got null/],
    [{ signal: ['SIGTERM'] }, /Unknown option `signal`: did you mean `signals`\?/],
    [{ signals: 'SIGTERM' }, /Expected `signals` to be a list of signals/],
    [{ signals: [] }, /Expected `signals` to be a list of signals/],
    [{ signals: ['SIGTERM', 'TERM'] }, /Expected `signals` to be a list of signals that a process can handle.*got "TERM"/],
    [{ signals: ['SIGKILL'] }, /got "SIGKILL"/],
    [{ signals: ['toString'] }, /got "toString"/],
    [{ deadline: 0 }, /Expected `deadline` to be a positive duration/],
    [{ deadline: 'soon' }, /Expected `deadline` to be a positive duration/],
    [{ manager: null }, /Expected `manager` to be/],
    [{ before: 'app.close()' }, /Expected `before` to be a function/],
    [{ after: Promise.resolve() }, /Expected `after` to be a function/],
    [{ manager: 'users' }, /Expected `manager` to be/],
  ])('G12: %j is a TypeError, and no handler is installed', (options, message) => {
    const before = process.listenerCount('SIGTERM');
    expect(() => closeOnSignals(options as CloseOnSignalsOptions)).toThrow(TypeError);
    expect(() => closeOnSignals(options as CloseOnSignalsOptions)).toThrow(message);
    expect(process.listenerCount('SIGTERM')).toBe(before);
  });
});
