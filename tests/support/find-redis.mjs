// Finds the redis-server binary the tests start, or installs it where that can be done without asking. Never starts or
// leaves running a system service: the tests start their own processes on free ports.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const USUAL_FOLDERS = ['/usr/bin', '/usr/local/bin', '/opt/homebrew/bin'];

const isExecutable = (file) => {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
};

/**
 * The path of a redis-server binary, or `undefined`. `REDIS_SERVER` names one and is then the only one looked at.
 *
 * @param {Record<string, string | undefined>} env
 * @returns {string | undefined}
 * @throws {Error} when `REDIS_SERVER` names something that cannot be run
 */
export function findRedisServer(env) {
  const named = env.REDIS_SERVER;
  if (named !== undefined && named !== '') {
    if (isExecutable(named)) return named;
    throw new Error(`REDIS_SERVER is ${named}, which is not an executable file.`);
  }
  const folders = [...(env.PATH ?? '').split(delimiter).filter((folder) => folder !== ''), ...USUAL_FOLDERS];
  return folders.map((folder) => join(folder, 'redis-server')).find(isExecutable);
}

/** What to type on each system, for the message when nothing else helps. */
export const INSTALL_ADVICE = [
  'The integration tests start their own Redis and need the redis-server program. Install it with',
  '  Debian, Ubuntu:  sudo apt-get update && sudo apt-get install -y --no-install-recommends redis-server gcc libc6-dev',
  '  Fedora:          sudo dnf install -y redis        (since Fedora 41: valkey-compat-redis)',
  '  Alpine:          sudo apk add redis',
  '  macOS:           brew install redis',
  'or set REDIS_SERVER to the path of the binary. `npm run test:unit` runs without it.',
].join('\n');

/**
 * The commands that install packages on this machine without a question being asked, or `undefined` when there is no
 * such way: only apt-get is driven, as root or with a sudo that wants no password.
 *
 * @param {{ isRoot: boolean, has: (command: string) => boolean, canSudo: () => boolean }} machine
 * @param {readonly string[]} packages Debian's names; absent: redis-server
 * @returns {string[][] | undefined}
 */
export function planInstall({ isRoot, has, canSudo }, packages = ['redis-server']) {
  if (!has('apt-get')) return undefined;
  if (!isRoot && !(has('sudo') && canSudo())) return undefined;
  const prefix = isRoot ? [] : ['sudo', '-n'];
  // RUNLEVEL=1 makes the package's own scripts leave its service alone, except under systemd, where it is stopped afterwards.
  const settings = ['env', 'DEBIAN_FRONTEND=noninteractive', 'RUNLEVEL=1'];
  const stopService =
    packages.includes('redis-server') && has('systemctl')
      ? [[...prefix, 'systemctl', 'disable', '--now', 'redis-server.service']]
      : [];
  return [
    [...prefix, ...settings, 'apt-get', 'update', '-q'],
    [...prefix, ...settings, 'apt-get', 'install', '-y', '-q', '--no-install-recommends', ...packages],
    ...stopService,
  ];
}

const succeeds = (command, ...args) => spawnSync(command, args, { stdio: 'ignore' }).status === 0;

/** This machine, as {@link planInstall} asks about it. */
export const thisMachine = {
  isRoot: process.getuid?.() === 0,
  has: (command) =>
    (process.env.PATH ?? '').split(delimiter).some((folder) => folder !== '' && isExecutable(join(folder, command))),
  canSudo: () => succeeds('sudo', '-n', 'true'),
};

/**
 * Finds redis-server, installing it first where that is possible.
 *
 * @param {(line: string) => void} say told what is being run
 * @returns {string}
 * @throws {Error} with advice when there is no redis-server and no way to get one
 */
export function provideRedisServer(say) {
  const found = findRedisServer(process.env);
  if (found !== undefined) return found;
  const plan = planInstall(thisMachine);
  if (plan === undefined) throw new Error(INSTALL_ADVICE);
  for (const [command, ...args] of plan) {
    say(`No redis-server found; running: ${[command, ...args].join(' ')}`);
    const result = spawnSync(command, args, { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' });
    // Old package lists may do, and where systemd does not run there is no service to stop.
    if (result.status !== 0 && args.includes('install')) {
      throw new Error(`${result.stdout ?? ''}${result.stderr ?? ''}${result.error?.message ?? ''}\n\n${INSTALL_ADVICE}`);
    }
  }
  const installed = findRedisServer(process.env);
  if (installed === undefined) throw new Error(INSTALL_ADVICE);
  return installed;
}

/**
 * Installs a C compiler where there is none and that can be done. The tests that step the clock of a server need one, and say so
 * themselves where it is missing.
 *
 * @param {(line: string) => void} say told what is being run
 */
export function provideCompiler(say) {
  if (thisMachine.has('cc')) return;
  for (const [command, ...args] of planInstall(thisMachine, ['gcc', 'libc6-dev']) ?? []) {
    say(`No C compiler found; running: ${[command, ...args].join(' ')}`);
    spawnSync(command, args, { stdio: 'ignore' });
  }
}
