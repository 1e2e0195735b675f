/** Words for a value in a misuse message: its type and a short safe form, never a long or secret content. */
import { redactSecrets } from './redact-secrets.js';

const MAX_SHOWN = 40;
/** A secret that begins among what is shown ends within this. */
const MAX_SEARCHED = 2000;

/** Returns e.g. `-5 (number)`, `"5 mins" (string)`, `null`, `an array`, `a function`. */
export function describeValue(value: unknown): string {
  switch (typeof value) {
    case 'undefined':
      return 'undefined';
    case 'string':
      return `${JSON.stringify(shorten(redactSecrets(value.slice(0, MAX_SEARCHED))))} (string)`;
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

/** After masking: half a secret would not be found. */
function shorten(text: string): string {
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}

/** The `TypeError` for a misused parameter: `Expected \`ttl\` to be a positive duration, got -5 (number)`. */
export function misuse(parameter: string, expected: string, got: unknown): TypeError {
  return new TypeError(`Expected \`${parameter}\` to be ${expected}, got ${describeValue(got)}`);
}
