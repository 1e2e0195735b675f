/**
 * Reads a function's parameter names from its source, for templates that name them. Only plain names count: what can't
 * be read with certainty (native, bound, destructured, a default with a regular expression in it) has no name here.
 */

/** The parameters of a function, as far as its source tells. */
export interface ParameterList {
  /** By position; `undefined` where a parameter has no plain name (destructured or rest). Empty when nothing could be read. */
  readonly names: readonly (string | undefined)[];
  /** Whether the function may look at arguments beyond `names`: a rest parameter, `arguments`, or a source that can't be read. */
  readonly isOpen: boolean;
}

const UNREADABLE: ParameterList = { names: [], isOpen: true };
const NAME = /^[\p{ID_Start}$_][\p{ID_Continue}$]*/u;
const NATIVE = /\{\s*\[native code\]\s*\}\s*$/;
/** An arrow function with one bare parameter. */
const BARE_ARROW = /^(?:async\s+)?([\p{ID_Start}$_][\p{ID_Continue}$]*)\s*=>/u;

/** Returns the parameters of `fn`. */
export function readParameterNames(fn: (...args: never[]) => unknown): ParameterList {
  const source = Function.prototype.toString.call(fn);
  if (NATIVE.test(source)) return UNREADABLE;
  const bare = BARE_ARROW.exec(source);
  if (bare !== null) return { names: [bare[1]], isOpen: false };
  const chunks = splitParameters(source);
  if (chunks === undefined) return UNREADABLE;
  const isOpen = chunks.some((chunk) => chunk.startsWith('...')) || source.includes('arguments');
  return { names: chunks.map(plainName), isOpen };
}

function plainName(chunk: string): string | undefined {
  const name = NAME.exec(chunk)?.[0];
  if (name === undefined) return undefined;
  const rest = chunk.slice(name.length).trimStart();
  return rest === '' || rest.startsWith('=') ? name : undefined;
}

/** The text of each parameter without comments, or `undefined` when the list can't be told from the source. */
function splitParameters(source: string): string[] | undefined {
  const chunks: string[] = [];
  let chunk = '';
  let depth = 0;
  let isInside = false;
  for (let at = 0; at < source.length;) {
    const char = source.charAt(at);
    const end = endOfAtom(source, at);
    if (end === undefined) return undefined;
    if (end > at + 1) {
      // A comment is no part of the text; a string is, as something opaque.
      if (char !== '/') chunk += '""';
      at = end;
      continue;
    }
    at = end;
    if (!isInside) {
      if (char === '(' && depth === 0) isInside = true;
      else if (char === '[') depth += 1;
      else if (char === ']') depth -= 1;
      if (isInside) chunk = '';
      continue;
    }
    if (char === ')' && depth === 0) {
      if (chunk.trim() !== '') chunks.push(chunk.trim());
      return chunks;
    }
    if (char === ',' && depth === 0) {
      chunks.push(chunk.trim());
      chunk = '';
      continue;
    }
    if ('([{'.includes(char)) depth += 1;
    else if (')]}'.includes(char)) depth -= 1;
    chunk += char;
  }
  return undefined;
}

/** Where the string, comment or single character at `at` ends; `undefined` when that can't be told without a full parser. */
function endOfAtom(source: string, at: number): number | undefined {
  const char = source.charAt(at);
  if (char === '/') {
    if (source.startsWith('//', at)) {
      const lineEnd = source.indexOf('\n', at);
      return lineEnd === -1 ? undefined : lineEnd + 1;
    }
    if (!source.startsWith('/*', at)) return undefined;
    const close = source.indexOf('*/', at + 2);
    return close === -1 ? undefined : close + 2;
  }
  if (char !== '"' && char !== "'" && char !== '`') return at + 1;
  for (let index = at + 1; index < source.length; index += 1) {
    const inner = source.charAt(index);
    if (inner === '\\') index += 1;
    else if (inner === char) return index + 1;
    else if (char === '`' && inner === '$' && source.charAt(index + 1) === '{') return undefined;
  }
  return undefined;
}
