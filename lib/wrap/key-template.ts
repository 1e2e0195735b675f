/**
 * Compiles a key template such as `"api_{endpoint}_{version}"` or `"user:{0}"`. A value is written as its text, with
 * what could be mistaken for the template's own text escaped as `%XX`: `"{a}_{b}"` keeps `('x_y', 'z')` and `('x', 'y_z')` apart.
 */
import { misuse } from '../base/describe-value.js';
import { nearestName } from '../base/nearest-name.js';
import { encodeValue } from './argument-key.js';
import type { ParameterList } from './parameter-names.js';

/** One `{...}` of a template. */
interface Slot {
  readonly position: number;
  /** Property names to follow from the argument; empty for the argument itself. */
  readonly path: readonly string[];
  /** As written, for errors: `{user.id}`. */
  readonly label: string;
  /** The first character of the text up to the next slot, which the value may not contain; absent for the last slot. */
  readonly end?: Terminator;
  /** What follows the slot, ready to be appended. */
  readonly suffix: string;
}

/** A character and what a value writes in its place. */
interface Terminator {
  readonly char: string;
  readonly escaped: string;
}

const PART = /([^{}]*)\{([^{}]*)\}/y;

/**
 * Returns the function that fills `template` from an argument list.
 *
 * @throws {TypeError} now, when the template has no slot, adjacent slots, a stray brace or an unknown parameter; from the
 *   returned function, when a value can't be written
 */
export function compileTemplate(template: string, parameters: ParameterList): (args: readonly unknown[]) => string {
  const { prefix, slots } = parse(template, parameters);
  return (args) => {
    let key = prefix;
    for (const slot of slots) key += insert(read(args, slot), slot) + slot.suffix;
    // The one way to nothing at all: a template of a slot only, and an empty string.
    return key === '' ? '%' : key;
  };
}

function parse(template: string, parameters: ParameterList): { prefix: string; slots: Slot[] } {
  const literals: string[] = [];
  const references: string[] = [];
  PART.lastIndex = 0;
  let end = 0;
  for (let match = PART.exec(template); match !== null; match = PART.exec(template)) {
    literals.push(match[1] ?? '');
    references.push(match[2] ?? '');
    end = PART.lastIndex;
  }
  const last = template.slice(end);
  if (references.length === 0 || /[{}]/.test(last)) {
    throw misuse('key', 'a template with matching braces and at least one slot, such as "user:{0}" or "user:{id}"', template);
  }
  literals.push(last);
  const slots = references.map((reference, index): Slot => {
    const text = literals[index + 1] ?? '';
    const isLast = index === references.length - 1;
    if (text === '' && !isLast)
      throw misuse('key', 'a template with some text between two slots, to tell their values apart', template);
    const slot = { ...resolve(reference, parameters), label: `{${reference}}`, suffix: escapeLiteral(text) };
    const char = String.fromCodePoint(text.codePointAt(0) ?? 0);
    // `%` needs no terminator: the template's own is doubled.
    return isLast || char === '%' ? slot : { ...slot, end: { char, escaped: escapeCharacter(char) } };
  });
  return { prefix: escapeLiteral(literals[0] ?? ''), slots };
}

function resolve(reference: string, { names, isOpen }: ParameterList): { position: number; path: string[] } {
  const [root = '', ...path] = reference.split('.');
  const isNumber = /^\d+$/.test(root);
  const position = isNumber ? Number(root) : names.indexOf(root);
  // A function without parameters may be given arguments all the same, and their key can't be the wrong one.
  const isKnown = position !== -1 && (position < names.length || isOpen || names.length === 0);
  if (root !== '' && isKnown && !path.includes('')) return { position, path };
  const known = names.filter((name) => name !== undefined);
  const nearest = isNumber ? undefined : nearestName(root, known);
  const existing =
    known.length === 0
      ? 'the names of its parameters are not known, so use positions: "{0}" is the first'
      : `its parameters are ${known.map((name) => `{${name}}`).join(', ')}, or by position "{0}" is the first`;
  throw new TypeError(
    `Expected \`key\` to name parameters of the function, got "{${reference}}"${nearest === undefined ? '' : ` (did you mean "{${nearest}}"?)`}; ${existing}`,
  );
}

function read(args: readonly unknown[], { position, path }: Slot): unknown {
  let value = args[position];
  for (const name of path) {
    if (value === undefined || value === null) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

function insert(value: unknown, slot: Slot): string {
  switch (typeof value) {
    case 'string':
      // Kept apart from the values `null` and `undefined`, which are written bare.
      return (value === 'null' || value === 'undefined' ? '%$' : '') + escapeText(value, slot.end);
    case 'object':
      return value === null ? escapeText('null', slot.end) : `%=${escapeText(encodeValue(value, slot.label), slot.end)}`;
    case 'function':
    case 'symbol':
      return encodeValue(value, slot.label);
    default:
      return escapeText(String(value), slot.end);
  }
}

/** A `%` of the template itself is doubled: those of values are followed by a hexadecimal digit, `u`, `=` or `$`. */
function escapeLiteral(text: string): string {
  return text.replaceAll('%', '%%');
}

/** `%`, control characters, and lone surrogates, which UTF-8 can't tell apart. */
const ALWAYS_ESCAPED = /[%\p{Cc}\p{Cs}]/gu;
const MAY_NEED_ESCAPING = /[^ !"#$&-~]/;

function escapeText(text: string, end: Terminator | undefined): string {
  if (end !== undefined && text.includes(end.char)) {
    const pieces = text.split(end.char);
    return pieces.map((piece) => escapeText(piece, undefined)).join(end.escaped);
  }
  return MAY_NEED_ESCAPING.test(text) ? text.replace(ALWAYS_ESCAPED, escapeCharacter) : text;
}

function escapeCharacter(char: string): string {
  const code = char.charCodeAt(0);
  if (char.length === 1 && code >= 0xd800 && code <= 0xdfff) return `%u${code.toString(16)}`;
  return Array.from(Buffer.from(char), (byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
}
