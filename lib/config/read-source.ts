/**
 * Reads a TOML file and parses it. A syntax error shows the line and a caret, unless the line may hold a secret (G11):
 * the parser's own error, which quotes the lines around it, is not passed on for the same reason.
 */
import { sentences } from '../base/sentences.js';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { CacheError } from '../base/errors.js';
import { redactSecrets } from '../base/redact-secrets.js';

/** A parsed file. */
export interface ParsedFile {
  /** Absolute path. */
  readonly file: string;
  readonly text: string;
  readonly data: object;
}

const SECRET_WORDS = /pas|pwd|secret|token|cred|conn|username|ur[il]|:\/\//i;
/** How much of a long line is shown before the marked place, and after it. */
const SHOWN_AROUND = 60;
const STATEMENT_START = /^\s*(?:\[|["'\w][^=]*=)/;

/** Whether `lines[index]` may hold a part of a secret: it, or the statement it continues, names something of the kind. */
function mayHoldSecret(lines: readonly string[], index: number): boolean {
  const quotesBefore =
    lines
      .slice(0, index)
      .join('\n')
      .match(/"""|'''/g) ?? [];
  // Inside a text of several lines nothing tells whose value it is.
  if (quotesBefore.length % 2 === 1) return true;
  let start = index;
  while (start > 0 && !STATEMENT_START.test(lines[start] ?? '')) start -= 1;
  return SECRET_WORDS.test(lines.slice(start, index + 1).join('\n'));
}

function syntaxError(file: string, text: string, error: { message: string; line: number; column: number }): CacheError {
  const { line, column } = error;
  const lines = text.split(/\r?\n/);
  const from = Math.max(0, column - 1 - SHOWN_AROUND);
  // The first line is the reason; what follows quotes the file.
  const reason = (error.message.split('\n')[0] ?? '').replace(/^Invalid TOML document: /, '');
  const quoted = mayHoldSecret(lines, line - 1)
    ? '  (the line is not shown because it may hold a secret)'
    : `  ${(lines[line - 1] ?? '').slice(from, column + SHOWN_AROUND).replaceAll('\t', ' ')}\n  ${' '.repeat(column - 1 - from)}^`;
  const said = sentences(`${file}:${line}:${column}: not valid TOML: ${reason}`, 'Correct the text at the marked place.');
  const message = `${said}\n${quoted}`;
  return new CacheError('CACHE_CONFIG_SYNTAX', redactSecrets(message), { line, column });
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
    if (error instanceof TomlError) throw syntaxError(file, text, error);
    throw error;
  }
}
