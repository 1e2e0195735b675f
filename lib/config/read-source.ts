/** Reads a TOML file and parses it. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { CacheError } from '../base/errors.js';
import { redactSecrets } from '../base/redact-secrets.js';
import { tomlSyntaxError } from './toml-syntax-error.js';

/** A parsed file. */
export interface ParsedFile {
  /** Absolute path. */
  readonly file: string;
  readonly text: string;
  readonly data: object;
}

/**
 * Reads and parses the TOML file at `path`, which is relative to the working directory.
 *
 * @throws {CacheError} `CACHE_CONFIG_NOT_FOUND` when it cannot be read, `CACHE_CONFIG_SYNTAX` when it is not TOML
 */
export async function readConfigFile(path: string): Promise<ParsedFile> {
  const file = resolve(path);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unreadable';
    const advice = 'Pass the path of a TOML file, relative to the working directory or absolute.';
    // No cause: its message repeats the path, which may be a Redis address passed by mistake.
    throw new CacheError(
      'CACHE_CONFIG_NOT_FOUND',
      redactSecrets(`No configuration can be read from ${file} (${code}). ${advice}`),
    );
  }
  const { parse, TomlError } = await import('smol-toml');
  try {
    return { file, text, data: parse(text) };
  } catch (error) {
    if (error instanceof TomlError) throw tomlSyntaxError(file, text, error);
    throw error;
  }
}
