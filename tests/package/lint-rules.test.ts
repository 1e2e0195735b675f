/** The rules that keep the design bite: on code that breaks them, and on every file of lib/. */
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { spawnScript } from '../support/spawn-script.js';

const RESTRICTED = '@typescript-eslint/no-restricted-imports';

interface Snippet {
  readonly filePath: string;
  readonly code: string;
  /** Absent: the code breaks no rule. */
  readonly rule?: string;
}

const imported = (from: string, specifier: string, rule?: string): Snippet => ({
  filePath: `lib/${from}/probe.ts`,
  code: `import { thing } from '${specifier}';\nexport const other = thing;\n`,
  ...(rule === undefined ? {} : { rule }),
});

const SNIPPETS: readonly Snippet[] = [
  imported('base', '../config/thing.js', RESTRICTED),
  imported('config', '../observe/thing.js', RESTRICTED),
  imported('observe', '../codec/thing.js', RESTRICTED),
  imported('observe', '../config/thing.js', RESTRICTED),
  imported('codec', '../tiers/thing.js', RESTRICTED),
  imported('tiers/redis', '../../sync/thing.js', RESTRICTED),
  imported('tiers/redis', '../../clients/thing.js', RESTRICTED),
  imported('sync', '../recovery/thing.js', RESTRICTED),
  imported('recovery', '../sync/thing.js', RESTRICTED),
  imported('clients', '../manager/thing.js', RESTRICTED),
  imported('manager', '../wrap/thing.js', RESTRICTED),
  imported('wrap', '../tiers/redis/thing.js', RESTRICTED),
  imported('clients', '../testing/thing.js', RESTRICTED),
  imported('clients', '../index.js', RESTRICTED),
  imported('tiers/redis', '../../base/thing.js'),
  imported('tiers/redis', '../memory/thing.js'),
  imported('clients', '../sync/thing.js'),
  imported('wrap', '../clients/thing.js'),
  { filePath: 'lib/observe/probe.ts', code: "import type { Thing } from '../config/thing.js';\nexport type Other = Thing;\n" },
  { filePath: 'lib/tiers/probe.ts', code: 'export const at = Date.now();\n', rule: 'no-restricted-properties' },
  { filePath: 'lib/tiers/probe.ts', code: 'export const at = performance.now();\n', rule: 'no-restricted-properties' },
  { filePath: 'lib/tiers/probe.ts', code: 'export const at = new Date();\n', rule: 'no-restricted-syntax' },
  { filePath: 'lib/tiers/probe.ts', code: 'export const at = Math.random();\n', rule: 'no-restricted-properties' },
  { filePath: 'lib/tiers/probe.ts', code: 'export const home = process.env;\n', rule: 'no-restricted-properties' },
  { filePath: 'lib/base/clock.ts', code: 'export const at = Date.now();\n' },
  { filePath: 'lib/tiers/probe.ts', code: 'export default 1;\n', rule: 'import-x/no-default-export' },
  { filePath: 'lib/tiers/Probe.ts', code: 'export const a = 1;\n', rule: 'file-names/kebab-case' },
  { filePath: 'lib/tiers/probe.ts', code: 'export const a = 1;\n'.repeat(301), rule: 'max-lines' },
];

interface Probe {
  readonly violations: readonly (readonly string[])[];
  /** Of the two files of fixtures/cycle. */
  readonly cycle: readonly (readonly string[])[];
  readonly files: readonly {
    readonly file: string;
    readonly isLinted: boolean;
    readonly hasLayerRule: boolean;
    readonly hasSizeRule: boolean;
    readonly hasWarnings: boolean;
  }[];
}

let probe: Probe;

beforeAll(async () => {
  const script = fileURLToPath(new URL('probe-lint-rules.mjs', import.meta.url));
  const { code, stdout, stderr } = await spawnScript(script, { args: [JSON.stringify(SNIPPETS)], deadlineMs: 60_000 });
  if (code !== 0) throw new Error(stderr);
  probe = JSON.parse(stdout) as Probe;
}, 70_000);

describe('a file of lib/', () => {
  test.each(
    SNIPPETS.map((snippet, index) => ({ ...snippet, index, first: snippet.code.split('\n')[0], says: snippet.rule ?? 'fine' })),
  )('$filePath with `$first` is $says', ({ index, rule }) => {
    const found = probe.violations[index] ?? [];
    if (rule === undefined) expect(found).toEqual([]);
    else expect(found).toContain(rule);
  });

  test('may not be part of an import cycle', () => {
    expect(probe.cycle).toEqual([['import-x/no-cycle'], ['import-x/no-cycle']]);
  });

  test('is linted, whatever its name and folder, and nothing is only a warning', () => {
    expect(probe.files.length).toBeGreaterThan(0);
    expect(probe.files.filter(({ isLinted, hasSizeRule, hasWarnings }) => !isLinted || !hasSizeRule || hasWarnings)).toEqual([]);
  });

  test('has a level, except the public face and what is for users', () => {
    const without = probe.files.filter(({ hasLayerRule }) => !hasLayerRule).map(({ file }) => file);
    expect(without.filter((file) => file !== 'lib/index.ts' && !/^lib\/(testing|cli)\//.test(file))).toEqual([]);
  });
});
