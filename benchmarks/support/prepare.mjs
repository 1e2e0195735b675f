/** Makes a fresh checkout ready: builds the package and installs the peers, where that has not been done. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const benchmarks = new URL('../', import.meta.url);
const root = new URL('../', benchmarks);

/** Says on standard error what it does; ends the process when that fails. */
export function prepare() {
  if (process.env.OXCACHE_DIST === undefined && !existsSync(new URL('dist/index.js', root))) {
    npm('building the package', ['run', 'build', '--silent'], root);
  }
  if (!existsSync(new URL('node_modules/bentocache', benchmarks))) {
    npm('installing the peers', ['ci', '--ignore-scripts', '--silent'], benchmarks);
  }
}

function npm(what, args, folder) {
  console.error(`${what}…`);
  const { status } = spawnSync('npm', args, { cwd: fileURLToPath(folder), stdio: ['ignore', 'ignore', 'inherit'] });
  if (status === 0) return;
  console.error(`${what} failed: npm ${args.join(' ')}`);
  process.exit(1);
}
