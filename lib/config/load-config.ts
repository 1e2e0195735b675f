/**
 * The way from what the user wrote to the frozen configuration: read, parse, copy and fill in, check, resolve. Every
 * problem the steps find is collected, so that one error reports them all.
 */
import { misuse } from '../base/describe-value.js';
import { checkValues } from './check-values.js';
import { ConfigIssues } from './config-issues.js';
import type { ConfigObject } from './config-object.js';
import type { Environment } from './plain-tree.js';
import { secretsIn } from './config-secrets.js';
import { copyPlainTree } from './plain-tree.js';
import { readConfigFile } from './read-source.js';
import { resolveConfig } from './resolve-config.js';
import type { RedisMode, ResolvedConfig } from './resolved-config.js';
import { findTomlLines } from './toml-lines.js';
import { validateShape } from './validate-shape.js';

/** What a configuration is loaded with. */
export interface LoadConfigOptions {
  /** Fills in `${NAME}`. */
  readonly env: Environment;
  /**
   * The mode of the Redis connection that the application hands in for a service, which then needs no address; `undefined`
   * where it hands in none. Absent: it does so for no service.
   */
  readonly connectedMode?: (service: string) => RedisMode | undefined;
  /** Is handed the secrets in the configuration before anything is said about it. Absent: they are masked by their form only. */
  readonly onSecrets?: (secrets: ReadonlySet<string>) => void;
}

interface Source {
  readonly data: object;
  readonly issues: ConfigIssues;
  readonly file?: string;
}

async function readSource(source: unknown): Promise<Source> {
  if (typeof source === 'string') {
    const { file, text, data } = await readConfigFile(source);
    return { data, issues: new ConfigIssues(source, findTomlLines(text)), file };
  }
  if (typeof source !== 'object' || source === null || Array.isArray(source)) {
    throw misuse('source', 'the path of a TOML file, or an object with the same keys', source);
  }
  return { data: source, issues: new ConfigIssues() };
}

/**
 * Loads a configuration.
 *
 * @param source - the path of a TOML file, relative to the working directory, or an object with the same keys
 * @throws {CacheError} `CACHE_CONFIG_NOT_FOUND` when the file cannot be read; `CACHE_CONFIG_SYNTAX` when it is not TOML;
 * `CACHE_CONFIG_INVALID` with every problem when it breaks a rule
 * @throws {TypeError} when `source` is neither a text nor an object
 */
export async function loadConfig(source: string | ConfigObject, options: LoadConfigOptions): Promise<ResolvedConfig> {
  const { data, issues, file } = await readSource(source);
  const tree = copyPlainTree(data, options.env, issues);
  options.onSecrets?.(secretsIn(tree.root));
  const strategies = checkValues(tree, issues);
  issues.prune(tree.root);
  await validateShape(tree, issues);
  issues.prune(tree.root);
  const { connectedMode = () => undefined } = options;
  // The schema has been checked and what broke it taken out, so the tree has this shape.
  return resolveConfig(tree.root, strategies, issues, connectedMode, file);
}
