/** What users get: the packed package, installed in an empty project, imported, type-checked and run there. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { PROJECT_ROOT, runCommand, runTool } from '../support/run-command.js';
import { spawnScript } from '../support/spawn-script.js';

const manifest = JSON.parse(readFileSync(join(PROJECT_ROOT, 'package.json'), 'utf8')) as {
  readonly exports: Readonly<Record<string, unknown>>;
  readonly files: readonly string[];
};
/** npm adds these, whatever `files` says. */
const ALWAYS_PACKED = ['package.json', 'README.md', 'LICENSE'];

const L1_PROGRAM = `
import { cached, getClient, init, shutdown } from 'oxcache';

await init({ global: { log_level: 'silent' }, services: { users: { cache_type: 'l1', ttl: 60 } } });
const users = getClient<{ name: string }>('users');
await users.set('1', { name: 'Ada' });

let calls = 0;
const double = cached('users', async function double(n: number): Promise<number> {
  calls++;
  return n * 2;
});
const twice: number | undefined = (await double(21)) + (await double(21)) - 42;
console.log((await users.get('1'))?.name, twice, calls);
await shutdown();
`;

let folder: string;
let project: string;
let tarball: string;
let packed: readonly string[];

function writeProgram(name: string, source: string): string {
  const file = join(project, name);
  writeFileSync(file, source);
  return file;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'oxcache-package-'));
  project = join(folder, 'project');
  mkdirSync(project);
  // The build is there already; its script would run it again under the feet of the other tests.
  const output = await runCommand('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder]);
  const [pack] = JSON.parse(output) as { filename: string; files: { path: string }[] }[];
  if (pack === undefined) throw new Error(`npm pack made nothing: ${output}`);
  tarball = join(folder, pack.filename);
  packed = pack.files.map(({ path }) => path);
  writeProgram('package.json', '{ "name": "empty", "private": true, "type": "module" }');
  const install = ['install', tarball, '--prefix', project, '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts'];
  await runCommand('npm', install, { cwd: project });
}, 180_000);

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('the packed package', () => {
  test('holds what `files` names and nothing else', () => {
    const isNamed = (path: string): boolean => manifest.files.some((named) => path === named || path.startsWith(`${named}/`));
    expect(packed.filter((path) => !isNamed(path) && !ALWAYS_PACKED.includes(path))).toEqual([]);
    expect(manifest.files.filter((named) => !packed.some((path) => path === named || path.startsWith(`${named}/`)))).toEqual([]);
    expect(packed).toEqual(expect.arrayContaining([...ALWAYS_PACKED, 'dist/index.js', 'dist/index.d.ts']));
    expect(packed.filter((path) => /\.test\.|(^|\/)(tests?|node_modules)\//.test(path))).toEqual([]);
  });

  test('every export can be imported', async () => {
    const specifiers = Object.keys(manifest.exports).map((name) => `oxcache${name.slice(1)}`);
    const file = writeProgram(
      'imports.mjs',
      `for (const name of ${JSON.stringify(specifiers)}) {
         const options = name.endsWith('.json') ? { with: { type: 'json' } } : {};
         console.log(name, Object.keys(await import(name, options)).length > 0);
       }`,
    );
    const { stdout, stderr, code } = await spawnScript(file, {
      cwd: project,
      nodeArgs: ['--disable-warning=ExperimentalWarning'],
    });
    expect(stderr).toBe('');
    expect(stdout).toBe(specifiers.map((name) => `${name} true\n`).join(''));
    expect(code).toBe(0);
  });

  test('its types resolve in a strict project, and a program with only L1 runs there and ends by itself', async () => {
    const entries = Object.keys(manifest.exports).filter((name) => !name.endsWith('.json'));
    writeProgram(
      'entries.ts',
      entries.map((name, i) => `import * as entry${i} from 'oxcache${name.slice(1)}';\nvoid entry${i};`).join('\n'),
    );
    writeProgram('program.ts', L1_PROGRAM);
    const options = ['--strict', '--module', 'nodenext', '--target', 'es2022', '--outDir', 'out', '--exactOptionalPropertyTypes'];
    const types = ['--types', 'node', '--typeRoots', join(PROJECT_ROOT, 'node_modules/@types'), '--skipLibCheck', 'false'];
    const lib = ['--lib', 'es2023,esnext.disposable'];
    await runTool('typescript/bin/tsc', [...options, ...types, ...lib, 'entries.ts', 'program.ts'], { cwd: project });
    const result = await spawnScript(join(project, 'out/program.js'), { cwd: project, deadlineMs: 10_000 });
    expect(result).toEqual({ code: 0, signal: null, stdout: 'Ada 42 1\n', stderr: '', timedOut: false });
  });

  test('publint finds nothing to say', async () => {
    const output = await runTool('publint/src/cli.js', ['run', tarball, '--strict']);
    expect(output).toContain('All good');
  });

  test('attw finds the types of every entry', async () => {
    const output = await runTool('@arethetypeswrong/cli/dist/index.js', [tarball, '--profile', 'esm-only', '--no-emoji']);
    for (const name of Object.keys(manifest.exports)) expect(output).toContain(`"oxcache${name.slice(1)}"`);
  });
});
