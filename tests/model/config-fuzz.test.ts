import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CacheError } from '../../lib/base/errors.js';
import type { ConfigObject } from '../../lib/config/config-object.js';
import { loadConfig } from '../../lib/config/load-config.js';
import { redactSecrets } from '../../lib/base/redact-secrets.js';
import { findTomlLines } from '../../lib/config/toml-lines.js';

const folder = mkdtempSync(join(tmpdir(), 'oxcache-fuzz-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Loads `source`; anything but a result or a `CacheError` fails the test. */
async function outcome(source: string | ConfigObject): Promise<'loaded' | CacheError> {
  try {
    await loadConfig(source, { env: { A: 'x', B: '5' } });
    return 'loaded';
  } catch (error) {
    if (error instanceof CacheError) return error;
    throw error;
  }
}

async function outcomeOfText(text: string): Promise<'loaded' | CacheError> {
  const file = join(folder, 'config.toml');
  writeFileSync(file, text);
  return outcome(file);
}

const key = fc.constantFrom(
  'services',
  'global',
  'a',
  'l1',
  'l2',
  'two_level',
  'wal',
  'sync',
  'tls',
  'strategies',
  'ttl',
  'cache_type',
  'db',
  'mode',
  '__proto__',
);
const value = fc.oneof(
  fc.constantFrom<unknown>(
    'l1',
    'two-level',
    'redis://h',
    '${A}',
    '${B}',
    '${C}',
    '${',
    '5 mins',
    'short',
    0,
    -1,
    5,
    1e308,
    Number.NaN,
    true,
    null,
    undefined,
  ),
  fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true, withSparseArray: true, maxDepth: 2 }),
);
const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof({ maxDepth: 6, depthSize: 'medium' }, value, fc.dictionary(key, tie('tree'), { maxKeys: 6 })),
}));
const line = fc.oneof(
  fc.constantFrom(
    '[services.a]',
    '[global]',
    '[global.l1]',
    '[services.a.l2]',
    '[[services]]',
    '[services."b.c"]',
    'l1 = { ttl = 5, tti = 6 }',
    'ttl = """',
    "x = '''",
  ),
  fc
    .tuple(
      key,
      fc.constantFrom('5', '"l1"', '"5 mins"', 'nan', 'true', '[1, { a = 2 }]', '1979-05-27', '{', '"${C}"', '"\\u0041"'),
    )
    .map(([name, text]) => `${name} = ${text}`),
  fc.string({ maxLength: 20 }),
);

describe('whatever the configuration is', () => {
  test('a text either loads or fails with a CacheError whose issues have lines of the file', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.array(line, { maxLength: 12 }).map((lines) => lines.join('\n')),
          fc.string({ unit: 'binary', maxLength: 100 }),
        ),
        async (text) => {
          const result = await outcomeOfText(text);
          if (result === 'loaded') return;
          const count = text.split('\n').length;
          expect(['CACHE_CONFIG_SYNTAX', 'CACHE_CONFIG_INVALID']).toContain(result.code);
          for (const issue of result.issues ?? [{ line: result.line }]) {
            expect(issue.line).toBeGreaterThanOrEqual(1);
            expect(issue.line).toBeLessThanOrEqual(count);
          }
        },
      ),
      { numRuns: 600 },
    );
  });

  test('an object either loads or fails with CACHE_CONFIG_INVALID, and is left as it was', async () => {
    await fc.assert(
      fc.asyncProperty(fc.dictionary(key, tree, { maxKeys: 5 }), async (source) => {
        const before = fc.stringify(source);
        const result = await outcome(source as unknown as ConfigObject);
        if (result !== 'loaded') expect(result).toMatchObject({ code: 'CACHE_CONFIG_INVALID' });
        expect(fc.stringify(source)).toBe(before);
      }),
      { numRuns: 600 },
    );
  });

  test('the scan for lines ends on any text, also one that is not TOML', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ maxLength: 200 }),
          fc
            .array(fc.constantFrom('[', ']', '{', '}', '"', "'", '=', '.', ',', '#', '\n', 'a', '\\'), { maxLength: 60 })
            .map((parts) => parts.join('')),
        ),
        (text) => {
          expect(findTomlLines(text)(['a', 'b'])).toBeGreaterThanOrEqual(1);
        },
      ),
      { numRuns: 1000 },
    );
  });

  test('G11: no credentials of a Redis address survive redaction, wherever it stands in a text', () => {
    const secret = fc.string({ minLength: 1, maxLength: 12 }).map((text) => `s3cr3t${text.replace(/\s/g, '')}`);
    fc.assert(
      fc.property(
        fc.constantFrom('redis://', 'rediss://u:', 'redis://:', 'unix://u:'),
        secret,
        fc.string(),
        fc.string(),
        (scheme, password, before, after) => {
          expect(redactSecrets(`${before} ${scheme}${password}@host:1 ${after}`)).not.toContain(`${password}@`);
        },
      ),
      { numRuns: 500 },
    );
  });
});
