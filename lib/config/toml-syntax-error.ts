/**
 * The error for a text that is not TOML. It shows the line and a caret only if the line cannot hold a secret (G11): where the syntax is
 * broken, nothing can be said for sure about what a word belongs to. The parser's own error quotes the lines around it, and is not
 * passed on.
 */
import { CacheError } from '../base/errors.js';
import { sentences } from '../base/sentences.js';
import { configSchema, type SchemaNode } from './config-schema.js';

/** How much of a long line is shown before the marked place, and after it. */
const SHOWN_AROUND = 60;
/** Words that a line with a secret holds, or a key that was misspelt. */
const SECRET_WORDS = /pas|pwd|secret|token|cred|auth|conn|username|ur[il]|@|:\/\/|-----/i;
/** A header, with nothing behind it that could belong to anything else. */
const HEADER = /^\s*\[{1,2}[^\]#="']*\]{0,2}\s*(?:#|$)/;
/** A key and what is behind it. Quoted keys are rare; a text in a list looks like one. */
const STATEMENT = /^\s*([\w.-]+)\s*=(.*)$/;
/** Every further key on the line, as in an inline table. */
const FURTHER_KEY = /([\w.-]+)["']?\s*=/g;
const LONG_QUOTES = /"""|'''/;

/** What the parser says. */
interface SyntaxProblem {
  readonly message: string;
  readonly line: number;
  readonly column: number;
}

/** Makes the `CACHE_CONFIG_SYNTAX` of `problem` in `text`, which was read from `file`. */
export function tomlSyntaxError(file: string, text: string, { message, line, column }: SyntaxProblem): CacheError {
  const lines = text.split(/\r?\n/);
  const from = Math.max(0, column - 1 - SHOWN_AROUND);
  // The first line is the reason; what follows quotes the file.
  const reason = (message.split('\n')[0] ?? '').replace(/^Invalid TOML document: /, '');
  const quoted = mayBeShown(lines, line - 1)
    ? `  ${(lines[line - 1] ?? '').slice(from, column + SHOWN_AROUND).replaceAll('\t', ' ')}\n  ${' '.repeat(column - 1 - from)}^`
    : '  (the line is not shown because it may hold a secret)';
  const said = sentences(`${file}:${line}:${column}: not valid TOML: ${reason}`, 'Correct the text at the marked place.');
  return new CacheError('CACHE_CONFIG_SYNTAX', `${said}\n${quoted}`, { line, column });
}

/** Whether `lines[index]` stands for itself, and is about nothing but keys that we know and that hold no secret. */
function mayBeShown(lines: readonly string[], index: number): boolean {
  const line = lines[index] ?? '';
  if (SECRET_WORDS.test(line)) return false;
  // Inside a text of several lines nothing tells whose value it is, and which quotes begin or end one is not sure.
  if (lines.slice(0, index + 1).some((each) => LONG_QUOTES.test(each))) return false;
  if (HEADER.test(line) || line.trim() === '') return true;
  const [, key, value] = STATEMENT.exec(line) ?? [];
  if (key === undefined || value === undefined) return false;
  const further = Array.from(value.matchAll(FURTHER_KEY), ([, name]) => name ?? '');
  return [key, ...further].every((each) => harmlessKeys().has(each.split('.').at(-1) ?? ''));
}

let harmless: ReadonlySet<string> | undefined;

/** The names of all keys whose values are settings: no secret, and no path, in whose place somebody may have put what is in the file. */
function harmlessKeys(): ReadonlySet<string> {
  if (harmless === undefined) {
    const { properties, definitions = {} } = configSchema();
    const tables: readonly SchemaNode[] = [{ properties: properties ?? {} }, ...Object.values(definitions)];
    const named = tables.flatMap((table) => Object.entries(table.properties ?? {}));
    const secret = new Set(named.filter(([, node]) => node['x-secret'] === true).map(([name]) => name));
    harmless = new Set(named.map(([name]) => name).filter((name) => !secret.has(name) && !name.endsWith('_file')));
  }
  return harmless;
}
