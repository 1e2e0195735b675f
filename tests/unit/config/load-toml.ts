/** Loads TOML texts through real files, the way users do, and catches what is wrong with them. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CacheError } from '../../../lib/base/errors.js';
import type { ConfigIssue } from '../../../lib/base/errors.js';
import type { ConfigObject } from '../../../lib/config/config-object.js';
import type { LoadConfigOptions } from '../../../lib/config/load-config.js';
import { loadConfig } from '../../../lib/config/load-config.js';
import type { ResolvedConfig } from '../../../lib/config/resolved-config.js';

/** Runs `use` with the path of a temporary file that holds `text`. */
export async function withFile<T>(text: string, use: (file: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'oxcache-config-'));
  try {
    const file = join(folder, 'config.toml');
    await writeFile(file, text);
    return await use(file);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Loads a TOML text from a file. */
export function loadToml(text: string, options: Partial<LoadConfigOptions> = {}): Promise<ResolvedConfig> {
  return withFile(text, (file) => loadConfig(file, { env: {}, ...options }));
}

/** Loads an object that need not have the right type. */
export function loadObject(source: unknown, options: Partial<LoadConfigOptions> = {}): Promise<ResolvedConfig> {
  return loadConfig(source as ConfigObject, { env: {}, ...options });
}

/** The `CacheError` that `loading` fails with. */
export async function errorOf(loading: Promise<unknown>): Promise<CacheError> {
  const error = await loading.then(
    () => new Error('It loaded.'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof CacheError)) throw error;
  return error;
}

/** The issues of a TOML text or of an object; empty when it loads. */
export async function issuesOf(source: unknown, options: Partial<LoadConfigOptions> = {}): Promise<readonly ConfigIssue[]> {
  const loading = typeof source === 'string' ? loadToml(source, options) : loadObject(source, options);
  const error = await loading.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error === undefined) return [];
  if (!CacheError.is(error, 'CACHE_CONFIG_INVALID')) throw error;
  return error.issues ?? [];
}

/** Each issue as `line path`, or as `path` alone where there are no lines. */
export function places(issues: readonly ConfigIssue[]): string[] {
  return issues.map(({ line, path }) => (line === undefined ? path : `${line} ${path}`));
}
