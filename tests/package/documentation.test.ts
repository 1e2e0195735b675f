/** The documentation is true: its code compiles, what can run runs, its configurations load, and the examples end well. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parse as parseToml } from 'smol-toml';
import { findFreePort } from '../support/free-port.js';
import { RedisServer } from '../support/redis-server.js';
import { PROJECT_ROOT, runTool } from '../support/run-command.js';
import { spawnScript, type ScriptResult } from '../support/spawn-script.js';

interface CodeBlock {
  readonly page: string;
  readonly line: number;
  readonly language: string;
  readonly code: string;
}

const DEFAULT_REDIS = 'redis://127.0.0.1:6379';
/** What a reader of a snippet has and the snippet does not show. */
const AMBIENT = 'declare const app: any; declare const db: any;';

function readBlocks(page: string): CodeBlock[] {
  const text = readFileSync(join(PROJECT_ROOT, page), 'utf8');
  return [...text.matchAll(/^```(\w+)[^\n]*\n(.*?)^```$/gms)].map(({ 1: language = '', 2: code = '', index }) => ({
    page,
    line: text.slice(0, index).split('\n').length,
    language,
    code,
  }));
}

const docs = readdirSync(join(PROJECT_ROOT, 'docs'), { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.md'),
);
const readme = readBlocks('README.md');
const blocks = [...readme, ...docs.flatMap((name) => readBlocks(join('docs', name)))];
/** Where the headings of a page are linked to, as code hosts name them. */
function anchorsOf(page: string): Set<string> {
  const text = readFileSync(join(PROJECT_ROOT, page), 'utf8').replaceAll(/^```.*?^```$/gms, '');
  return new Set(
    [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
      title
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

const ofLanguage = (from: readonly CodeBlock[], ...names: string[]): CodeBlock[] =>
  from.filter(({ language }) => names.includes(language));
const examples = readdirSync(join(PROJECT_ROOT, 'examples')).filter((name) => name.endsWith('.mjs'));

let folder: string;
let server: RedisServer;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'oxcache-docs-'));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(PROJECT_ROOT, join(folder, 'node_modules/oxcache'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  server = await RedisServer.start();
});

afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

function expectSuccess(result: ScriptResult): void {
  expect({ ...result, stdout: '' }).toMatchObject({ code: 0, signal: null, timedOut: false });
}

describe('the README', () => {
  test('has code to check', () => {
    expect(ofLanguage(readme, 'ts', 'js', 'mjs').length).toBeGreaterThan(0);
    expect(ofLanguage(readme, 'toml').length).toBeGreaterThan(0);
  });

  test('code type-checks, each block as a module of its own', async () => {
    const files = ofLanguage(readme, 'ts', 'js', 'mjs').map(({ line, language, code }) => {
      const name = `readme-line-${line}.${language}`;
      writeFileSync(join(folder, name), `${code}\nexport {};\n`);
      return name;
    });
    writeFileSync(join(folder, 'ambient.d.ts'), AMBIENT);
    const compilerOptions = {
      strict: true,
      noEmit: true,
      allowJs: true,
      checkJs: true,
      noImplicitAny: false,
      module: 'nodenext',
      target: 'es2022',
      lib: ['es2023', 'esnext.disposable'],
      types: ['node'],
      typeRoots: [join(PROJECT_ROOT, 'node_modules/@types')],
      skipLibCheck: true,
      experimentalDecorators: false,
    };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: [...files, 'ambient.d.ts'] }));
    await runTool('typescript/bin/tsc', ['-p', folder]);
  });

  test('JavaScript blocks run to their end, with the first configuration of the page', async () => {
    const [configuration] = ofLanguage(readme, 'toml');
    for (const name of ['config.toml', 'oxcache.toml', 'cache.toml']) {
      writeFileSync(join(folder, name), (configuration?.code ?? '').replaceAll(DEFAULT_REDIS, server.url));
    }
    for (const { line, code } of ofLanguage(readme, 'js', 'mjs')) {
      const file = join(folder, `run-readme-line-${line}.mjs`);
      writeFileSync(file, code.replaceAll(DEFAULT_REDIS, server.url));
      expectSuccess(await spawnScript(file, { cwd: folder, env: { REDIS_URL: server.url } }));
    }
  });
});

describe('the pages', () => {
  test('name only what the package exports', async () => {
    const script = join(folder, 'exports.mjs');
    writeFileSync(
      script,
      "for (const name of ['oxcache', 'oxcache/testing']) console.log(name, Object.keys(await import(name)).join(' '));",
    );
    const { stdout } = await spawnScript(script, { cwd: folder });
    const exported = new Map(
      stdout
        .trim()
        .split('\n')
        .map((line) => [line.split(' ')[0], line.split(' ').slice(1)]),
    );
    const unknown: string[] = [];
    for (const { page, line, code } of ofLanguage(blocks, 'ts', 'js', 'mjs')) {
      for (const [, names = '', specifier = ''] of code.matchAll(/import \{([^}]*)\} from '(oxcache[^']*)'/g)) {
        for (const name of names.split(',').map((text) => text.trim().split(' as ')[0] ?? '')) {
          const isValue = name !== '' && !name.startsWith('type ');
          if (isValue && exported.get(specifier)?.includes(name) !== true)
            unknown.push(`${page}:${line}: ${name} of ${specifier}`);
        }
      }
    }
    expect(exported.get('oxcache')).toContain('init');
    expect(unknown).toEqual([]);
  });

  test('link to pages and headings that are there', () => {
    const pages = ['README.md', 'CHANGELOG.md', 'examples/README.md', ...docs.map((name) => join('docs', name))];
    const links = pages.flatMap((page) => {
      const text = readFileSync(join(PROJECT_ROOT, page), 'utf8').replaceAll(/^```.*?^```$/gms, '');
      return [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => ({ page, target }));
    });
    const inside = links.filter(({ target }) => !target.includes('://'));
    expect(inside.length).toBeGreaterThan(50);
    const broken = inside.filter(({ page, target }) => {
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? page : join(dirname(page), path);
      if (!existsSync(join(PROJECT_ROOT, file))) return true;
      return anchor !== undefined && !anchorsOf(file).has(anchor);
    });
    expect(broken.map(({ page, target }) => `${page}: ${target}`)).toEqual([]);
  });

  test('hold TOML that parses, and whole configurations that load', async () => {
    const loader = join(folder, 'load.mjs');
    writeFileSync(
      loader,
      `import { createManager } from 'oxcache';
       const manager = await createManager(process.argv[2], { logger: { error() {}, warn() {}, info() {}, debug() {} } });
       await manager.close();`,
    );
    for (const { page, line, code } of ofLanguage(blocks, 'toml')) {
      const place = `${page}:${line}`;
      const parsed = parseToml(code);
      if (!('services' in parsed)) continue;
      const file = join(folder, `${place.replaceAll(/\W/g, '-')}.toml`);
      writeFileSync(file, code.replaceAll(DEFAULT_REDIS, server.url));
      const { stderr, code: exitCode } = await spawnScript(loader, { cwd: folder, args: [file] });
      expect({ place, stderr, exitCode }).toEqual({ place, stderr: '', exitCode: 0 });
    }
  });

  test('the sample configuration loads', async () => {
    const loader = join(folder, 'load-sample.mjs');
    writeFileSync(
      loader,
      `import { createManager } from 'oxcache';
       const manager = await createManager(process.argv[2], { logger: { error() {}, warn() {}, info() {}, debug() {} } });
       console.log(manager.services.length > 0);
       await manager.close();`,
    );
    const result = await spawnScript(loader, { cwd: folder, args: [join(PROJECT_ROOT, 'config.example.toml')] });
    expect(result).toEqual({ code: 0, signal: null, stdout: 'true\n', stderr: '', timedOut: false });
  });
});

describe('the examples', () => {
  test('are there', () => {
    expect(examples).toContain('quickstart.mjs');
  });

  /** Runs an example in empty folders and expects them to be empty again. */
  async function runExample(name: string, env: Readonly<Record<string, string>>): Promise<ScriptResult> {
    const [cwd, TMPDIR] = ['cwd', 'tmp'].map((kind) => mkdtempSync(join(folder, `${kind}-`))) as [string, string];
    const result = await spawnScript(join(PROJECT_ROOT, 'examples', name), { cwd, env: { TMPDIR, ...env } });
    expectSuccess(result);
    expect({ cwd: readdirSync(cwd), tmp: readdirSync(TMPDIR) }).toEqual({ cwd: [], tmp: [] });
    return result;
  }

  test.each(examples)('%s runs to its end with Redis and leaves no files', async (name) => {
    await runExample(name, { REDIS_URL: server.url });
  });

  test.each(examples)('%s runs to its end without Redis and leaves no files', async (name) => {
    await runExample(name, { REDIS_URL: `redis://127.0.0.1:${await findFreePort()}` });
  });

  test('quickstart.mjs shows that no write is lost when Redis and a process die (G7)', async () => {
    const PATH = `${dirname(process.env['REDIS_SERVER'] ?? '')}:${process.env['PATH'] ?? ''}`;
    const { stdout } = await runExample('quickstart.mjs', { REDIS_URL: `redis://127.0.0.1:${await findFreePort()}`, PATH });
    expect(stdout).toMatch(/user 102, of the first process .* User 102\n/);
    expect(stdout).toMatch(/user 103, of the killed process .* User 103\n/);
    expect(stdout).toMatch(/user 100, deleted meanwhile .* undefined/);
  });

  test('quickstart.mjs says what it skips where there is no redis-server', async () => {
    const { stdout } = await runExample('quickstart.mjs', {
      REDIS_URL: `redis://127.0.0.1:${await findFreePort()}`,
      PATH: folder,
    });
    expect(stdout).toContain('There is no Redis here');
    expect(stdout).toContain('"l2":"logged"');
    expect(stdout).toContain('Done.');
  });
});
