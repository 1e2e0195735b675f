/** How the test start-up finds redis-server, and how it would install it: without asking, or not at all. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { findRedisServer, INSTALL_ADVICE, planInstall } from '../../support/find-redis.mjs';

let folder: string;
let binary: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'oxcache-find-'));
  binary = join(folder, 'redis-server');
  writeFileSync(binary, '#!/bin/sh\n');
  chmodSync(binary, 0o755);
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

describe('findRedisServer', () => {
  test('takes what REDIS_SERVER names before what is on the PATH', () => {
    const other = join(folder, 'my-redis');
    writeFileSync(other, '#!/bin/sh\n', { mode: 0o755 });
    expect(findRedisServer({ REDIS_SERVER: other, PATH: folder })).toBe(other);
    expect(findRedisServer({ REDIS_SERVER: '', PATH: folder })).toBe(binary);
  });

  test('looks through the PATH in its order and passes by what cannot be run', () => {
    const first = mkdtempSync(join(folder, 'first-'));
    writeFileSync(join(first, 'redis-server'), '', { mode: 0o644 });
    expect(findRedisServer({ PATH: `${first}:${folder}` })).toBe(binary);
  });

  test('does not fall back silently when REDIS_SERVER names nothing that runs', () => {
    expect(() => findRedisServer({ REDIS_SERVER: join(folder, 'missing'), PATH: folder })).toThrow('is not an executable file');
    expect(() => findRedisServer({ REDIS_SERVER: folder, PATH: folder })).toThrow('is not an executable file');
  });
});

describe('planInstall', () => {
  const having =
    (...commands: string[]) =>
    (command: string): boolean =>
      commands.includes(command);
  const commandsOf = (plan: string[][] | undefined): string[] | undefined => plan?.map((words) => words.join(' '));

  test('as root it drives apt-get directly and starts no service', () => {
    expect(commandsOf(planInstall({ isRoot: true, has: having('apt-get'), canSudo: () => false }))).toEqual([
      'env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get update -q',
      'env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -q --no-install-recommends redis-server',
    ]);
  });

  test('other packages are installed the same way, and have no service to stop', () => {
    const machine = { isRoot: true, has: having('apt-get', 'systemctl'), canSudo: () => false };
    expect(commandsOf(planInstall(machine, ['gcc', 'libc6-dev']))?.slice(1)).toEqual([
      'env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -q --no-install-recommends gcc libc6-dev',
    ]);
  });

  test('under systemd it stops the service of the package', () => {
    const plan = planInstall({ isRoot: true, has: having('apt-get', 'systemctl'), canSudo: () => false });
    expect(commandsOf(plan)?.at(-1)).toBe('systemctl disable --now redis-server.service');
  });

  test('as another user it needs a sudo that asks for no password', () => {
    const has = having('apt-get', 'sudo');
    expect(planInstall({ isRoot: false, has, canSudo: () => true })?.map(([first]) => first)).toEqual(['sudo', 'sudo']);
    expect(planInstall({ isRoot: false, has, canSudo: () => false })).toBeUndefined();
    expect(planInstall({ isRoot: false, has: having('apt-get'), canSudo: () => true })).toBeUndefined();
  });

  test('without apt-get there is no plan, but advice for each system', () => {
    expect(planInstall({ isRoot: true, has: having('dnf', 'sudo'), canSudo: () => true })).toBeUndefined();
    for (const words of ['Debian', 'apt-get install', 'dnf install', 'apk add', 'brew install', 'REDIS_SERVER']) {
      expect(INSTALL_ADVICE).toContain(words);
    }
  });
});
