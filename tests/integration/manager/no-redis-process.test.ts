/** A configuration without L2 costs a process neither ioredis nor a socket. Seen from outside, in a process of its own. */
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { transformSync } from '@swc/core';
import { PROJECT_ROOT } from '../../support/run-command.js';
import { spawnScript } from '../../support/spawn-script.js';

let folder: string;

/** Compiles lib/ file by file into a folder of its own, from where its dependencies are found as usual. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'oxcache-process-'));
  for (const name of ['node_modules', 'schemas', 'package.json']) symlinkSync(join(PROJECT_ROOT, name), join(folder, name));
  const lib = join(PROJECT_ROOT, 'lib');
  for (const file of readdirSync(lib, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) continue;
    const { code } = transformSync(readFileSync(join(lib, file), 'utf8'), {
      jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
      module: { type: 'es6' },
    });
    const target = join(folder, 'lib', file.replace(/\.ts$/, '.js'));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, code);
  }
  writeFileSync(
    join(folder, 'use.mjs'),
    `import { createRequire } from 'node:module';
     import { init, getClient, shutdown } from './lib/index.js';
     const cache_type = process.argv[2];
     const l2 = cache_type === 'l1' ? {} : { l2: { connection_string: 'redis://127.0.0.1:1', connection_timeout_ms: 200 } };
     await init({ global: { log_level: 'silent' }, services: { s: { cache_type, ...l2 } } });
     const client = getClient('s');
     await client.set('k', { n: 1 });
     await client.getOrLoad('other', async () => 2);
     const { n } = await client.get('k');
     const files = Object.keys(createRequire(import.meta.url).cache);
     const has = (name) => files.some((file) => file.includes('/node_modules/' + name + '/'));
     const sockets = process.getActiveResourcesInfo().filter((name) => /TCP|TLS|Pipe(?!Wrap)/.test(name)).length;
     const loaded = ['ioredis', 'msgpackr', 'winston'].filter(has);
     const net = process.moduleLoadList.includes('NativeModule tls');
     console.log(JSON.stringify({ n, loaded, sockets, net }));
     if (process.argv[3] === 'shutdown') await shutdown();`,
  );
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function use(...args: readonly string[]): Promise<unknown> {
  const result = await spawnScript(join(folder, 'use.mjs'), { args, cwd: folder });
  expect(result).toMatchObject({ code: 0, stderr: '', timedOut: false });
  return JSON.parse(result.stdout);
}

test('a process with L1 only loads no ioredis, no msgpackr, no winston and no TLS, opens no socket, and ends by itself', async () => {
  expect(await use('l1', 'shutdown')).toEqual({ n: 1, loaded: [], sockets: 0, net: false });
});

test('a process with L1 only ends by itself without shutdown', async () => {
  expect(await use('l1')).toMatchObject({ n: 1, loaded: [] });
});

test('a process with L2 loads ioredis', async () => {
  expect(await use('two-level', 'shutdown')).toMatchObject({ n: 1, loaded: ['ioredis'], net: true });
});
