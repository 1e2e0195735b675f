/**
 * Collects every problem of a configuration, so that they are reported together. Also remembers which values are
 * faulty: they are taken out before defaults and rules are applied, so that one mistake is one issue.
 */
import type { ConfigIssue } from '../base/errors.js';
import { CacheError } from '../base/errors.js';
import type { ConfigPath } from './config-path.js';
import { formatPath } from './config-path.js';
import type { ConfigTable } from './plain-tree.js';
import { redactPatterns, redactSecrets } from '../base/redact-secrets.js';

/** The most issues spelled out in the error's message; `issues` always has them all. */
const MAX_SPELLED_OUT = 50;

/** The problems found so far. */
export class ConfigIssues {
  readonly #file: string | undefined;
  readonly #lineOf: ((path: ConfigPath) => number) | undefined;
  readonly #issues = new Map<string, ConfigIssue>();
  readonly #faulty = new Map<string, ConfigPath>();

  /** @param file - as the user named it; absent, like `lineOf`, when the configuration is an object */
  constructor(file?: string, lineOf?: (path: ConfigPath) => number) {
    this.#file = file;
    this.#lineOf = lineOf;
  }

  /** Notes a problem; a second one at the same path is dropped, the first names the cause. */
  add(path: ConfigPath, message: string): void {
    const name = formatPath(path);
    if (this.#issues.has(name)) return;
    const line = this.#lineOf?.(path);
    this.#issues.set(name, {
      path: redactPatterns(name),
      ...(line === undefined ? {} : { line }),
      message: redactSecrets(message),
    });
  }

  /** Notes a problem whose value cannot be used any further. */
  reject(path: ConfigPath, message: string): void {
    this.add(path, message);
    this.markFaulty(path);
  }

  /** Takes a value out of what follows without an issue of its own, because another issue explains it. */
  markFaulty(path: ConfigPath): void {
    this.#faulty.set(formatPath(path), path);
  }

  /** Whether none of `paths` is faulty or inside something that is, so that a rule about them can be judged. */
  areSound(...paths: ConfigPath[]): boolean {
    return !paths.some((path) => path.some((_part, index) => this.#faulty.has(formatPath(path.slice(0, index + 1)))));
  }

  /** Removes the faulty values from `tree`. */
  prune(tree: ConfigTable): void {
    for (const path of this.#faulty.values()) {
      let table: unknown = tree;
      for (const part of path.slice(0, -1)) table = (table as Record<string | number, unknown> | undefined)?.[part];
      const last = path.at(-1);
      if (typeof table === 'object' && table !== null && last !== undefined) Reflect.deleteProperty(table, last);
    }
  }

  /** @throws {CacheError} `CACHE_CONFIG_INVALID` when there is any issue, with all of them in the order of their lines */
  throwIfAny(): void {
    if (this.#issues.size === 0) return;
    const issues = [...this.#issues.values()].sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
    const file = this.#file === undefined ? undefined : redactSecrets(this.#file);
    const shown = issues.slice(0, MAX_SPELLED_OUT).map((issue) => {
      const place = file === undefined ? '' : `${file}:${String(issue.line)}  `;
      return `  ${place}${issue.path === '' ? '(top level)' : issue.path}: ${issue.message}`;
    });
    if (issues.length > shown.length) shown.push(`  ... and ${issues.length - shown.length} more`);
    const count = issues.length === 1 ? '1 problem' : `${issues.length} problems`;
    throw new CacheError('CACHE_CONFIG_INVALID', `The configuration has ${count}:\n${shown.join('\n')}`, {
      issues: Object.freeze(issues),
    });
  }
}
