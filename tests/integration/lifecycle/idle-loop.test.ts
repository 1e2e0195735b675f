/** In a process that is idle, what ends with a turn of the event loop ends, whether anything else happens or not. */
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { startScript } from '../../support/spawn-script.js';
import { passTime } from '../outage/rig.js';

const SCRIPT = fileURLToPath(new URL('idle-loop-script.mjs', import.meta.url));

test('G6: a deadline that keeps no process alive passes at its time', async () => {
  const { code, timedOut, stderr } = await startScript(SCRIPT, { args: ['deadline'], deadlineMs: 10_000 }).done;
  expect({ code, timedOut, stderr }).toEqual({ code: 0, timedOut: false, stderr: '' });
});

test('G2: what wakes it does not find the time of the burst of reads before it slept', async () => {
  const script = startScript(SCRIPT, { args: ['burst'], deadlineMs: 10_000 });
  await script.printed('port ');
  await passTime(500);
  connect(Number(/port (\d+)/.exec(script.stdout())?.[1]), '127.0.0.1').on('error', () => undefined);
  const { code, stdout } = await script.done;
  expect({ code, stdout: stdout.split('\n')[1] }).toEqual({ code: 0, stdout: 'no burst' });
});
