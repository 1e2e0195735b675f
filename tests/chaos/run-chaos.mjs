// `npm run chaos`: the chaos tests in their long forms. `npm run chaos -- matrix` runs one of them; further arguments are jest's.
//
//   crash            kills processes at random; OXCACHE_CHAOS_RUNS says how many runs, OXCACHE_CHAOS_FIRST skips to one
//   matrix           every method under every fault; OXCACHE_MATRIX_FAULT and OXCACHE_MATRIX_SETTING pick faults and
//                    settings (msgpack, gzip, cluster) by a part of their names
//   linearizability  pairs of calls in their order; OXCACHE_LINEARIZABILITY_PAIRS says how many
//
// OXCACHE_CHAOS_SEED repeats a run: every run prints its seed. Ends with an error when anything was lost or out of order.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The test file of each, and what makes it long unless the environment says otherwise. */
const SUITES = {
  crash: { file: 'crash-matrix', env: { OXCACHE_CHAOS_RUNS: '500' } },
  matrix: { file: 'matrix.test', env: { OXCACHE_MATRIX: 'long' } },
  linearizability: { file: 'linearizability', env: { OXCACHE_LINEARIZABILITY_PAIRS: '20000' } },
};

const root = fileURLToPath(new URL('../..', import.meta.url));
const given = process.argv.slice(2);
const named = given.filter((arg) => Object.hasOwn(SUITES, arg));
const suites = (named.length === 0 ? Object.keys(SUITES) : named).map((name) => SUITES[name]);
const files = suites.map(({ file }) => `tests/chaos/${file}`);
const env = Object.assign({}, ...suites.map((suite) => suite.env), process.env);
const jestArgs = given.filter((arg) => !Object.hasOwn(SUITES, arg));

const args = ['tests/support/run-jest.mjs', 'integration', ...files, '--runInBand', ...jestArgs];
const jest = spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit'] });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => jest.kill(signal));
jest.on('exit', (code) => {
  process.exitCode = code ?? 1;
});
