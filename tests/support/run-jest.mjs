// Runs the tests: `node tests/support/run-jest.mjs [unit|integration|package ...] [jest's own arguments]`. Provides what the
// chosen projects need (a redis-server, the built package) and runs jest with the flags ES modules want.
// REDIS_SERVER names a redis-server binary to use; with OXCACHE_BUILT=1 the package is not built once more.
import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { provideCompiler, provideRedisServer } from './find-redis.mjs';

const PROJECTS = ['unit', 'integration', 'package'];
const root = fileURLToPath(new URL('../..', import.meta.url));

const args = process.argv.slice(2);
const chosen = args.filter((arg) => PROJECTS.includes(arg));
const jestArgs = args.filter((arg) => !PROJECTS.includes(arg));
const projects = chosen.length === 0 ? PROJECTS : chosen;
const env = { ...process.env };

/** Says what is missing and ends the run. */
function fail(message) {
  console.error(message);
  process.exit(1);
}

if (projects.some((name) => name !== 'unit')) {
  try {
    env.REDIS_SERVER = provideRedisServer((line) => console.error(line));
    provideCompiler((line) => console.error(line));
  } catch (error) {
    fail(error.message);
  }
  if (env.OXCACHE_BUILT !== '1') {
    const build = spawnSync('npm', ['run', 'build', '--silent'], { cwd: root, stdio: 'inherit' });
    if (build.status !== 0) fail('The build failed, so the tests that use the built package cannot run.');
  }
}

// Modules that jest loads from node_modules may be ES modules; the warning that this is experimental helps nobody.
env.NODE_OPTIONS = `${env.NODE_OPTIONS ?? ''} --experimental-vm-modules --disable-warning=ExperimentalWarning`.trim();

const selection = chosen.length === 0 ? [] : ['--selectProjects', ...chosen];
const jest = spawn(process.execPath, ['node_modules/jest/bin/jest.js', ...jestArgs, ...selection], {
  cwd: root,
  env,
  stdio: ['ignore', 'inherit', 'inherit'],
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => jest.kill(signal));
jest.on('exit', (code, signal) => {
  process.exitCode = signal === null ? (code ?? 1) : 1;
});
