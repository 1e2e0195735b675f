/**
 * The rules about single values that the compiled schema cannot state: durations, Redis addresses, and what this
 * version or this Node.js does not offer. They are driven by the schema's `x-` annotations.
 */
import * as zlib from 'node:zlib';
import { BUILT_IN_STRATEGIES, parseDurationMs } from '../base/duration.js';
import { nearestName } from '../base/nearest-name.js';
import type { ConfigIssues } from './config-issues.js';
import type { ConfigPath } from './config-path.js';
import { formatPath } from './config-path.js';
import type { SchemaNode } from './config-schema.js';
import { childSchema, configSchema, schemaAt } from './config-schema.js';
import { parseConnectionString } from './connection-string.js';
import { describeDefault, describeExpected, describeGot } from './describe-expected.js';
import type { ConfigTable, ConfigValue, PlainTree } from './plain-tree.js';

/** Named durations in milliseconds. */
export type Strategies = Readonly<Record<string, number>>;

const LOOSE_DURATION =
  /^\s*(\d+(?:\.\d+)?)\s*(ms|milli(?:second)?s?|s(?:ec(?:ond)?s?)?|m(?:in(?:ute)?s?)?|h(?:(?:ou)?rs?)?|d(?:ays?)?)\s*$/i;

function isTable(value: ConfigValue | undefined): value is ConfigTable {
  return typeof value === 'object' && !Array.isArray(value);
}

class ValueChecker {
  readonly #tree: PlainTree;
  readonly #issues: ConfigIssues;
  #strategies: Strategies = BUILT_IN_STRATEGIES;
  #declared: ReadonlySet<string> = new Set();

  constructor(tree: PlainTree, issues: ConfigIssues) {
    this.#tree = tree;
    this.#issues = issues;
  }

  check(): Strategies {
    // The user's strategies come first: every other duration may name one. They themselves may name built-in ones only.
    const global = this.#tree.root['global'];
    const table = isTable(global) ? global['strategies'] : undefined;
    if (isTable(table)) this.#readStrategies(table, ['global', 'strategies']);
    this.#visitTable(this.#tree.root, configSchema(), []);
    return this.#strategies;
  }

  #readStrategies(table: ConfigTable, path: ConfigPath): void {
    this.#visitTable(table, schemaAt(path) ?? {}, path);
    const added: [string, number][] = [];
    for (const [name, value] of Object.entries(table)) {
      const ms = parseDurationMs(value);
      if (Object.hasOwn(BUILT_IN_STRATEGIES, name)) {
        this.#issues.reject([...path, name], `\`${name}\` is a built-in strategy and cannot be redefined; choose another name.`);
      } else if (ms !== undefined && this.#issues.areSound([...path, name])) added.push([name, ms]);
    }
    this.#strategies = Object.fromEntries([...Object.entries(BUILT_IN_STRATEGIES), ...added]);
    this.#declared = new Set(Object.keys(table));
  }

  #visitTable(table: ConfigTable, node: SchemaNode, path: ConfigPath): void {
    for (const [key, value] of Object.entries(table)) {
      const child = childSchema(node, key);
      const childPath = [...path, key];
      if (child === undefined) continue;
      if (child['x-available'] !== undefined) {
        this.#issues.reject(childPath, `\`${formatPath(childPath)}\` is not available yet in this version; remove it.`);
      } else if (isTable(value)) this.#visitTable(value, child, childPath);
      else this.#visitValue(value, child, childPath);
    }
  }

  #visitValue(value: ConfigValue, node: SchemaNode, path: ConfigPath): void {
    if (!this.#issues.areSound(path)) return;
    if (typeof value === 'string' && node['x-values-not-yet']?.includes(value) === true) {
      this.#issues.reject(path, `${JSON.stringify(value)} is not available yet in this version; use ${describeExpected(node)}.`);
    } else if (node['x-unit'] === 'duration') this.#checkDuration(value, node, path);
    else if (node['x-format'] === 'connection-string' && typeof value === 'string') this.#checkAddress(value, node, path);
    else if (value === 'zstd' && path.at(-1) === 'compression' && !('zstdCompress' in zlib)) {
      this.#issues.reject(path, 'This Node.js has no zstd (22.15 and later have); use "brotli" or "gzip", or a newer Node.js.');
    }
  }

  #checkAddress(value: string, node: SchemaNode, path: ConfigPath): void {
    const endpoint = parseConnectionString(value);
    if (endpoint.kind !== 'unusable') return;
    this.#issues.reject(path, `Expected ${describeExpected(node)}, but ${value === '' ? 'it is empty' : endpoint.problem}.`);
  }

  #checkDuration(value: ConfigValue, node: SchemaNode, path: ConfigPath): void {
    const ms = parseDurationMs(value, this.#strategies);
    const { minimum = 0, exclusiveMinimum = -1, maximum = Number.POSITIVE_INFINITY } = node;
    if (ms !== undefined && ms >= minimum * 1000 && ms > exclusiveMinimum * 1000 && ms <= maximum * 1000) return;
    if (ms === undefined && typeof value === 'string' && this.#declared.has(value)) {
      // The strategy it names has an issue already.
      this.#issues.markFaulty(path);
      return;
    }
    const isSecret = this.#tree.fromEnvironment.has(formatPath(path));
    const hint = ms === undefined && typeof value === 'string' ? this.#suggest(value) : undefined;
    const advice = hint === undefined || isSecret ? describeDefault(node) : `did you mean ${hint}?`;
    this.#issues.reject(
      path,
      `Expected ${describeExpected(node)}, got ${describeGot(value, isSecret)}; ${advice}${advice.endsWith('?') ? '' : '.'}`,
    );
  }

  #suggest(text: string): string | undefined {
    if (/^\d+(?:\.\d+)?$/.test(text)) return `${text} without the quotes`;
    const match = LOOSE_DURATION.exec(text);
    const [, amount = '', unit = ''] = match ?? [];
    const shortUnit = /^mil|^ms/i.test(unit) ? 'ms' : unit.charAt(0).toLowerCase();
    const suggestion = match === null ? nearestName(text, Object.keys(this.#strategies)) : `${amount}${shortUnit}`;
    return suggestion === undefined ? undefined : JSON.stringify(suggestion);
  }
}

/** Checks every value of `tree`, noting problems in `issues`; returns the built-in and the user's strategies. */
export function checkValues(tree: PlainTree, issues: ConfigIssues): Strategies {
  return new ValueChecker(tree, issues).check();
}
