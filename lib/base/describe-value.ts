/** Words for a value in a misuse message: its type and a short safe form, never a long or secret content. */

const MAX_SHOWN = 40;

/** Returns e.g. `-5 (number)`, `"5 mins" (string)`, `null`, `an array`, `a function`. */
export function describeValue(value: unknown): string {
  switch (typeof value) {
    case 'undefined':
      return 'undefined';
    case 'string':
      return `${JSON.stringify(value.length > MAX_SHOWN ? `${value.slice(0, MAX_SHOWN)}…` : value)} (string)`;
    case 'number':
    case 'boolean':
    case 'bigint':
      return `${Object.is(value, -0) ? '-0' : String(value)} (${typeof value})`;
    case 'symbol':
      return 'a symbol';
    case 'function':
      return 'a function';
    default:
      if (value === null) return 'null';
      return Array.isArray(value) ? 'an array' : 'an object';
  }
}

/** The `TypeError` for a misused parameter: `Expected \`ttl\` to be a positive duration, got -5 (number)`. */
export function misuse(parameter: string, expected: string, got: unknown): TypeError {
  return new TypeError(`Expected \`${parameter}\` to be ${expected}, got ${describeValue(got)}`);
}
