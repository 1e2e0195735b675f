/**
 * The schema as data: the one source of defaults, bounds and descriptions. It is read once, when the first
 * configuration is loaded, and is the published file itself, so that editors and the library agree.
 */
import { readFileSync } from 'node:fs';
import type {
  GlobalDefaults,
  L1Defaults,
  L2Defaults,
  ServiceDefaults,
  SyncDefaults,
  TlsDefaults,
  TwoLevelDefaults,
  WalDefaults,
} from './config-object.js';
import type { ConfigPath } from './config-path.js';

/** What is read of one node of the schema. `x-` keys are ours; see their use in this folder. */
export interface SchemaNode {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: SchemaNode | false;
  /** What an array holds. */
  readonly items?: SchemaNode;
  readonly definitions?: Readonly<Record<string, SchemaNode>>;
  readonly enum?: readonly (string | number)[];
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly default?: string | number | boolean;
  /** The default in words, where it depends on other keys. */
  readonly 'x-default'?: string;
  /** `duration`: a number is in seconds, and a text with a unit or a strategy's name is as good. Bounds are in seconds. */
  readonly 'x-unit'?: string;
  /** Present while the key's behaviour is still to come: naming the key is an issue. */
  readonly 'x-available'?: string;
  /** The same for single values. */
  readonly 'x-values-not-yet'?: readonly string[];
  /** The value must never be shown. */
  readonly 'x-secret'?: boolean;
  readonly 'x-format'?: string;
  /** The rule for the value, and for the names in a map, in words. */
  readonly 'x-rule'?: string;
  readonly 'x-name-rule'?: string;
}

let schema: SchemaNode | undefined;

/** The root of the schema. */
export function configSchema(): SchemaNode {
  schema ??= JSON.parse(readFileSync(new URL('../../schemas/config.schema.json', import.meta.url), 'utf8')) as SchemaNode;
  return schema;
}

/** The definition `node` refers to, or `node` itself. */
export function followRef(node: SchemaNode): SchemaNode {
  const name = node.$ref?.replace('#/definitions/', '');
  return name === undefined ? node : definition(name);
}

function definition(name: string): SchemaNode {
  return configSchema().definitions?.[name] ?? {};
}

/** The schema of the value at `key` of a table described by `node`, or of an item of an array; `undefined` when there is no such key. */
export function childSchema(node: SchemaNode, key: string | number): SchemaNode | undefined {
  if (typeof key === 'number') return node.items === undefined ? undefined : followRef(node.items);
  const child =
    node.properties !== undefined && Object.hasOwn(node.properties, key) ? node.properties[key] : node.additionalProperties;
  return child === undefined || child === false ? undefined : followRef(child);
}

/** The schema of the value at `path`; `undefined` when there is no such key. */
export function schemaAt(path: ConfigPath): SchemaNode | undefined {
  let node: SchemaNode | undefined = configSchema();
  for (const part of path) {
    if (node === undefined) return undefined;
    node = childSchema(node, part);
  }
  return node;
}

/** The types of the defaults, by the definition that has them. */
interface DefaultsByDefinition {
  readonly global: GlobalDefaults;
  readonly service: ServiceDefaults;
  readonly l1: L1Defaults;
  readonly l2: L2Defaults;
  readonly tls: TlsDefaults;
  readonly two_level: TwoLevelDefaults;
  readonly sync: SyncDefaults;
  readonly wal: WalDefaults;
}

/** The defaults of the keys of one definition. */
export function schemaDefaults<K extends keyof DefaultsByDefinition>(name: K): DefaultsByDefinition[K] {
  const entries = Object.entries(definition(name).properties ?? {}).filter(([, node]) => node.default !== undefined);
  return Object.fromEntries(entries.map(([key, node]) => [key, node.default])) as unknown as DefaultsByDefinition[K];
}
