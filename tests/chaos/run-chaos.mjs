// `npm run chaos`: the crash matrix, long form. OXCACHE_CHAOS_RUNS says how many runs, OXCACHE_CHAOS_SEED repeats one (the
// seed is printed), OXCACHE_CHAOS_FIRST skips to a run. Ends with a table; with an error when anything was lost.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const env = { ...process.env, OXCACHE_CHAOS_RUNS: process.env.OXCACHE_CHAOS_RUNS ?? '500' };
const args = ['tests/support/run-jest.mjs', 'integration', 'tests/chaos/crash-matrix', ...process.argv.slice(2)];
const jest = spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit'] });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => jest.kill(signal));
jest.on('exit', (code) => {
  process.exitCode = code ?? 1;
});
