/**
 * Writes arguments as text that identifies them: equal arguments give equal text, different ones different text.
 * Every value carries its type (`42`, `"42"`, `42n`), so nothing can be mistaken for something else; object keys, Map
 * entries and Set members are sorted, because their order says nothing. What has no such text is a `TypeError`.
 */
import { types } from 'node:util';
import { describeValue } from '../base/describe-value.js';

/**
 * Text of an argument list: the encoded arguments, separated by commas. `f()` and `f(undefined)` differ.
 *
 * @throws {TypeError} for an argument that {@link encodeValue} can't write; it names the argument
 */
export function encodeArguments(args: readonly unknown[]): string {
  if (args.length === 1) return encodeValue(args[0], 1);
  let text = '';
  for (let index = 0; index < args.length; index += 1) {
    if (index > 0) text += ',';
    text += encodeValue(args[index], index + 1);
  }
  return text;
}

/**
 * Text of one value.
 *
 * @param where - what to call the value in an error: the 1-based number of the argument, or words
 * @throws {TypeError} for symbols, functions, class instances, cycles and sparse arrays, which no text identifies
 */
export function encodeValue(value: unknown, where: number | string): string {
  switch (typeof value) {
    case 'number':
      return value === 0 && Object.is(value, -0) ? '-0' : String(value);
    case 'string':
      return quote(value);
    case 'object':
      return value === null ? 'null' : encodeObject(value, where, []);
    case 'boolean':
    case 'undefined':
      return String(value);
    case 'bigint':
      return `${String(value)}n`;
    default:
      throw unusable(where, describeValue(value));
  }
}

/** Anything but printable characters of the basic plane that JSON leaves as they are. */
const NEEDS_ESCAPING = /[^\x20\x21\x23-\x5b\x5d-\ud7ff\ue000-\uffff]/;

/** JSON's quoting, which also escapes lone surrogates: written as UTF-8 those would all become the same character. */
function quote(text: string): string {
  return NEEDS_ESCAPING.test(text) ? JSON.stringify(text) : `"${text}"`;
}

/** Encodes what an object holds. */
type EncodeInner = (value: unknown) => string;

function encodeObject(value: object, where: number | string, ancestors: readonly object[]): string {
  if (ancestors.includes(value)) throw unusable(where, 'a cyclic structure');
  const path = [...ancestors, value];
  const inner: EncodeInner = (item) =>
    typeof item === 'object' && item !== null ? encodeObject(item, where, path) : encodeValue(item, where);
  const text = encodePlain(value, where, inner) ?? encodeBytes(value) ?? encodeBuiltIn(value, inner);
  if (text === undefined) throw unusable(where, `an instance of ${constructorName(value) || 'a class'}`);
  return text;
}

function encodePlain(value: object, where: number | string, inner: EncodeInner): string | undefined {
  if (Array.isArray(value) && constructorName(value) === 'Array') {
    // Holes and properties beside the elements would otherwise be lost.
    if (Object.keys(value).length !== value.length) throw unusable(where, 'an array with holes or extra properties');
    return `[${value.map(inner).join(',')}]`;
  }
  if (!isPlain(value)) return undefined;
  if (Object.getOwnPropertySymbols(value).length > 0) throw unusable(where, 'an object with a symbol as key');
  const fields = Object.entries(value).sort(byKey);
  return `{${fields.map(([key, item]) => `${quote(key)}:${inner(item)}`).join(',')}}`;
}

/** Typed arrays, `Buffer`, `DataView` and array buffers. */
function encodeBytes(value: object): string | undefined {
  const isView = ArrayBuffer.isView(value);
  if (!isView && !types.isAnyArrayBuffer(value)) return undefined;
  const name = Buffer.isBuffer(value) ? 'Buffer' : Object.prototype.toString.call(value).slice('[object '.length, -1);
  if (constructorName(value) !== name) return undefined;
  const bytes = isView ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : Buffer.from(value);
  return `${name}(${bytes.toString('base64')})`;
}

/** Instances of built-in classes proper: a subclass, or a property set on one, may mean more than the content. */
function encodeBuiltIn(value: object, inner: EncodeInner): string | undefined {
  if (Object.keys(value).length > 0) return undefined;
  const name = constructorName(value);
  if (name === 'Date' && types.isDate(value)) {
    return Number.isNaN(value.getTime()) ? 'Date(NaN)' : `Date(${value.toISOString()})`;
  }
  if (name === 'Map' && types.isMap(value)) {
    const entries = Array.from(value, ([key, item]) => `${inner(key)}=>${inner(item)}`);
    return `Map(${entries.sort().join(',')})`;
  }
  if (name === 'Set' && types.isSet(value)) {
    const members = Array.from(value, inner);
    return `Set(${members.sort().join(',')})`;
  }
  if (name === 'RegExp' && types.isRegExp(value)) {
    return `RegExp(${quote(value.source)},${quote(value.flags)},${String(value.lastIndex)})`;
  }
  if (name === 'URL' && value instanceof URL) return `URL(${quote(value.href)})`;
  return undefined;
}

function byKey([left]: readonly [string, unknown], [right]: readonly [string, unknown]): number {
  return left < right ? -1 : 1;
}

function constructorName(value: object): string {
  const { constructor } = value as { constructor?: unknown };
  return typeof constructor === 'function' ? constructor.name : '';
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null;
  if (prototype === null || prototype === Object.prototype) return true;
  // The `Object.prototype` of another realm.
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf');
}

function unusable(where: number | string, what: string): TypeError {
  const subject = typeof where === 'number' ? `argument ${String(where)}` : where;
  return new TypeError(
    `Can't make a cache key of ${subject}: it is or holds ${what}. Pass the \`key\` option, e.g. a function of the arguments that returns a string`,
  );
}
