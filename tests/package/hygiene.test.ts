/** The repository holds nothing that belongs to one machine: no local path, no download host, no unfinished work. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { PROJECT_ROOT } from '../support/run-command.js';

const SKIPPED = new Set(['node_modules', 'dist', 'coverage', '.git', '.oxcache']);

// In pieces, or this file would be found.
const FOREIGN = [
  ['..', 'shared'].join('/'),
  ['.lib', 'rary'].join(''),
  ['', 'work', ''].join('/'),
  ['registry', 'npmjs', 'org'].join('.'),
  ['npm', 'registry'].join('-'),
];

function readTree(folder: string): { path: string; text: string }[] {
  return readdirSync(join(PROJECT_ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : readTree(path);
    return entry.isFile() && !SKIPPED.has(entry.name) ? [{ path, text: readFileSync(join(PROJECT_ROOT, path), 'utf8') }] : [];
  });
}

const files = readTree('');

test('no file mentions a place outside the project', () => {
  const found = files.flatMap(({ path, text }) =>
    FOREIGN.filter((word) => text.includes(word)).map((word) => `${path}: ${word}`),
  );
  expect(found).toEqual([]);
});

test('no commit message mentions a place outside the project', () => {
  const hasCommits = existsSync(join(PROJECT_ROOT, '.git')) && git('rev-list', '--all', '--max-count=1') !== '';
  const messages = hasCommits ? git('log', '--format=%B') : '';
  expect(FOREIGN.filter((word) => messages.includes(word))).toEqual([]);
});

test('the lockfile names no download host', () => {
  const lockfile = JSON.parse(readFileSync(join(PROJECT_ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { resolved?: string; integrity?: string }>;
  };
  const packages = Object.entries(lockfile.packages);
  expect(packages.length).toBeGreaterThan(100);
  expect(packages.filter(([, { resolved }]) => resolved !== undefined).map(([name]) => name)).toEqual([]);
  expect(packages.filter(([name, { integrity }]) => name !== '' && integrity === undefined).map(([name]) => name)).toEqual([]);
});

test('no test is switched off or singled out', () => {
  const tests = files.filter(({ path }) => path.endsWith('.test.ts'));
  expect(tests.length).toBeGreaterThan(0);
  expect(
    tests
      .filter(({ text }) => /\b(it|test|describe)\.(skip|only|todo)\b|\bx(it|describe|test)\(/.test(text))
      .map(({ path }) => path),
  ).toEqual([]);
});

function git(...args: string[]): string {
  return execFileSync('git', ['-c', 'safe.directory=*', ...args], { cwd: PROJECT_ROOT, encoding: 'utf8' });
}
