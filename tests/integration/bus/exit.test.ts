/** A bus that was closed leaves nothing that keeps a process alive, whatever state Redis was in (G9). */
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { RedisServer } from '../../support/redis-server.js';
import { startScript } from '../../support/spawn-script.js';

const SCRIPT = fileURLToPath(new URL('exit-script.mjs', import.meta.url));

describe.each(['stream', 'pubsub'])('G9: a process ends by itself after the %s bus was closed', (transport) => {
  test.each(['in use', 'gone', 'frozen', 'missing'])('with a Redis that is %s', async (state) => {
    const server = await RedisServer.start();
    try {
      if (state === 'missing') await server.kill();
      const script = startScript(SCRIPT, { args: [transport, state, String(server.port)], deadlineMs: 10_000 });
      if (state === 'gone' || state === 'frozen') {
        await script.printed('ready');
        if (state === 'gone') await server.kill();
        else server.freeze();
      }
      const { code, timedOut, stdout, stderr } = await script.done;
      expect({ code, timedOut, stderr }).toEqual({ code: 0, timedOut: false, stderr: '' });
      expect(stdout).toContain('left: nothing\n');
    } finally {
      await server.stop();
    }
  });
});
