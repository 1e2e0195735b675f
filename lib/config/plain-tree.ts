/**
 * Copies a configuration into plain tables and fills in `${NAME}` from the environment. What comes out holds tables,
 * arrays, texts, numbers and booleans only, whatever was passed in, and shares nothing with the caller's object.
 */
import { describeValue } from '../base/describe-value.js';
import type { ConfigIssues } from './config-issues.js';
import type { ConfigPath } from './config-path.js';
import { formatPath } from './config-path.js';
import { schemaAt } from './config-schema.js';

/** A value of the copy. */
export type ConfigValue = string | number | boolean | ConfigTable | ConfigValue[];
/** A table of the copy; it has no prototype, so that a key such as `__proto__` is a key like any other. */
export interface ConfigTable {
  [key: string]: ConfigValue;
}

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The copy, and which values came out of the environment and therefore must not be shown. */
export interface PlainTree {
  readonly root: ConfigTable;
  readonly fromEnvironment: ReadonlySet<string>;
}

const PLACEHOLDER = /\$\$\{|\$\{([^}]*)(\}?)/g;
const INSIDE_PLACEHOLDER = /^([A-Za-z_][A-Za-z0-9_]*)(?::-([\s\S]*))?$/;
const LONE_PLACEHOLDER = /^\$\{[^}]*\}$/;
/** No valid configuration is nearly as deep. */
const MAX_DEPTH = 20;

function isTable(value: unknown): value is Record<string, unknown> {
  // Not `instanceof`: the object may come from another realm, and a date or a map is no table.
  return Object.prototype.toString.call(value) === '[object Object]';
}

class TreeCopier {
  readonly #env: Environment;
  readonly #issues: ConfigIssues;
  readonly #ancestors: unknown[] = [];
  readonly fromEnvironment = new Set<string>();

  constructor(env: Environment, issues: ConfigIssues) {
    this.#env = env;
    this.#issues = issues;
  }

  copyTable(source: Record<string, unknown>, path: ConfigPath): ConfigTable {
    const table = Object.create(null) as ConfigTable;
    this.#ancestors.push(source);
    for (const [key, value] of Object.entries(source)) {
      const copy = value === undefined ? undefined : this.#copy(value, [...path, key]);
      if (copy !== undefined) table[key] = copy;
    }
    this.#ancestors.pop();
    return table;
  }

  #copy(value: unknown, path: ConfigPath): ConfigValue | undefined {
    if (typeof value === 'string') return this.#fill(value, path);
    if (typeof value === 'number' || typeof value === 'boolean') return value;
    if (this.#ancestors.length >= MAX_DEPTH || this.#ancestors.includes(value)) {
      this.#issues.add(path, 'Nested too deeply, or inside itself; remove it.');
      return undefined;
    }
    if (Array.isArray(value)) {
      this.#ancestors.push(value);
      const items = value.map((item: unknown, index) => this.#copy(item, [...path, index])).filter((item) => item !== undefined);
      this.#ancestors.pop();
      return items;
    }
    if (isTable(value)) return this.copyTable(value, path);
    const got = value instanceof Date ? 'a date' : describeValue(value);
    this.#issues.add(
      path,
      `Got ${got}, which is not a value a configuration can hold; remove the key or give it a text, a number, a boolean or a table.`,
    );
    return undefined;
  }

  #fill(text: string, path: ConfigPath): ConfigValue {
    if (!text.includes('${')) return text;
    const missing: string[] = [];
    const malformed: string[] = [];
    const filled = text.replace(PLACEHOLDER, (found: string, inside: string | undefined, end: string | undefined) => {
      if (inside === undefined) return '${';
      const match = end === '}' ? INSIDE_PLACEHOLDER.exec(inside) : null;
      if (match === null) {
        malformed.push(found);
        return found;
      }
      const [, name = '', fallback] = match;
      const value = Object.hasOwn(this.#env, name) ? this.#env[name] : undefined;
      this.fromEnvironment.add(formatPath(path));
      // As in a shell, `:-` also stands in for a variable that is set to nothing.
      if (fallback !== undefined) return value === undefined || value === '' ? fallback : value;
      if (value === undefined) missing.push(name);
      return value ?? '';
    });
    if (malformed.length > 0) {
      this.#issues.reject(
        path,
        'Holds a `${` that is not of the form `${NAME}` or `${NAME:-default}`; correct it, or write `$${` for the characters themselves.',
      );
    } else if (missing.length > 0) {
      const names = missing.map((name) => `\`${name}\``).join(', ');
      this.#issues.reject(
        path,
        `The environment variable ${names} is not set; set it, or give a default: \`\${${missing[0] ?? ''}:-default}\`.`,
      );
    }
    return LONE_PLACEHOLDER.test(text) ? convert(filled, path) : filled;
  }
}

/** The environment holds texts only: where the key wants a number or a boolean, a text that reads as one becomes one. */
function convert(text: string, path: ConfigPath): ConfigValue {
  const types = [schemaAt(path)?.type ?? []].flat();
  if (types.includes('boolean') && (text === 'true' || text === 'false')) return text === 'true';
  if ((types.includes('number') || types.includes('integer')) && /^-?\d+(?:\.\d+)?$/.test(text)) return Number(text);
  return text;
}

/** Copies `source`, noting in `issues` what cannot be copied or filled in. */
export function copyPlainTree(source: object, env: Environment, issues: ConfigIssues): PlainTree {
  const copier = new TreeCopier(env, issues);
  const root = copier.copyTable(source as Record<string, unknown>, []);
  return { root, fromEnvironment: copier.fromEnvironment };
}
