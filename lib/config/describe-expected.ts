/** Turns a node of the schema into words: what a key takes, what it got, and what leaving it out means. */
import { describeValue } from '../base/describe-value.js';
import type { SchemaNode } from './config-schema.js';
import type { ConfigValue } from './plain-tree.js';

function quoteAll(values: readonly (string | number)[]): string {
  return values.map((value) => JSON.stringify(value)).join(', ');
}

function grouped(value: number): string {
  return String(value).replace(/\B(?=(?:\d{3})+$)/g, ',');
}

/** A number of seconds the way people say it. */
function spoken(seconds: number): string {
  for (const [name, size] of [
    ['day', 86_400],
    ['hour', 3600],
    ['second', 1],
  ] as const) {
    if (seconds >= size && seconds % size === 0) return `${seconds / size} ${name}${seconds === size ? '' : 's'}`;
  }
  return String(seconds);
}

function range(node: SchemaNode, show: (value: number) => string): string {
  const { minimum, exclusiveMinimum, maximum } = node;
  const low = minimum === undefined ? undefined : `from ${show(minimum)}`;
  const above = exclusiveMinimum === undefined ? low : `of more than ${show(exclusiveMinimum)}`;
  const high = maximum === undefined ? undefined : `${minimum === undefined ? 'and at most' : 'to'} ${show(maximum)}`;
  return [above, high].filter((part) => part !== undefined).join(' ');
}

/** Returns e.g. `a whole number from 1 to 10,000`, `one of "json", "msgpack"`, `a table`. */
export function describeExpected(node: SchemaNode): string {
  if (node['x-unit'] === 'duration')
    return `a duration ${range(node, spoken)} (seconds, or a text such as "250ms", "30s", "5m" or "1h", or a strategy's name)`;
  if (node.enum !== undefined) {
    const later = node['x-values-not-yet'] ?? [];
    const values = node.enum.filter((value) => !later.includes(String(value)));
    return values.length === 1 ? quoteAll(values) : `one of ${quoteAll(values)}`;
  }
  if (node.type === 'integer') return `a whole number ${range(node, grouped)}`;
  if (node.type === 'number') return `a number ${range(node, grouped)}`;
  if (node.type === 'boolean') return 'true or false';
  if (node.type === 'object') return 'a table';
  if (node.type === 'array') return node['x-rule'] ?? 'an array';
  return node['x-rule'] ?? 'a text';
}

/** Returns what a key got, in words; only its type when `isSecret`. */
export function describeGot(value: ConfigValue | undefined, isSecret: boolean): string {
  if (typeof value === 'object') return Array.isArray(value) ? 'an array' : 'a table';
  if (!isSecret) return describeValue(value);
  return typeof value === 'string' ? 'a text that is not shown' : `a ${typeof value} that is not shown`;
}

/** Returns the advice to leave the key out where it has a default; otherwise the advice to correct it. */
export function describeDefault(node: SchemaNode): string {
  if (node.default === undefined) return 'correct the value';
  return `correct the value, or remove the key for the default, ${JSON.stringify(node.default)}`;
}
