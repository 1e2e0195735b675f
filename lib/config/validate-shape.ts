/**
 * Runs the compiled schema over a configuration and turns what it finds into sentences about TOML: unknown keys with
 * the nearest known one, wrong types, values out of range. The compiled form spares 70 ms of start-up; see schemas/generate.mjs.
 */
import type { SchemaViolation } from '../../schemas/validate-config.js';
import { nearestName } from '../base/nearest-name.js';
import type { ConfigIssues } from './config-issues.js';
import type { ConfigPath } from './config-path.js';
import { formatPath } from './config-path.js';
import type { SchemaNode } from './config-schema.js';
import { childSchema, followRef, schemaAt } from './config-schema.js';
import { describeDefault, describeExpected, describeGot } from './describe-expected.js';
import type { ConfigValue, PlainTree } from './plain-tree.js';

function childValue(value: ConfigValue | undefined, part: string | number): ConfigValue | undefined {
  return (value as Readonly<Record<string | number, ConfigValue>> | undefined)?.[part];
}

/** The path of a JSON pointer; the parts that lead into an array are numbers. */
function fromPointer(pointer: string, root: ConfigValue): (string | number)[] {
  let value: ConfigValue | undefined = root;
  return pointer
    .split('/')
    .slice(1)
    .map((text) => {
      const name = text.replaceAll('~1', '/').replaceAll('~0', '~');
      const part = Array.isArray(value) ? Number(name) : name;
      value = childValue(value, part);
      return part;
    });
}

function valueAt(root: ConfigValue, path: ConfigPath): ConfigValue | undefined {
  let value: ConfigValue | undefined = root;
  for (const part of path) value = childValue(value, part);
  return value;
}

/** Where a key that is unknown in the table `node` was probably meant to be, e.g. `l1.max_capacity`. */
function suggestKey(key: string, node: SchemaNode): string | undefined {
  const own = Object.keys(node.properties ?? {});
  const near = nearestName(key, own);
  if (near !== undefined) return near;
  return own
    .map((table) => ({ table, child: childSchema(node, table) }))
    .filter(({ child }) => child?.properties !== undefined && Object.hasOwn(child.properties, key))
    .map(({ table }) => `${table}.${key}`)[0];
}

function addUnknownKey(issues: ConfigIssues, parent: ConfigPath, key: string, node: SchemaNode): void {
  const suggestion = suggestKey(key, node);
  const known = Object.keys(node.properties ?? {})
    .map((name) => `\`${name}\``)
    .join(', ');
  const advice = suggestion === undefined ? `remove it; known here are ${known}.` : `did you mean \`${suggestion}\`?`;
  issues.reject([...parent, key], `\`${formatPath([key])}\` is not a known key; ${advice}`);
}

function addMissingKey(issues: ConfigIssues, parent: ConfigPath, key: string, node: SchemaNode): void {
  const child = node.properties?.[key];
  const expected = child === undefined ? '' : `; set it to ${describeExpected(followRef(child))}`;
  const message =
    key === 'services'
      ? 'There is no service; add a table `[services.NAME]` with a `cache_type`.'
      : `\`${key}\` is missing${expected}.`;
  issues.reject([...parent, key], message);
}

function addViolation(violation: SchemaViolation, tree: PlainTree, issues: ConfigIssues): void {
  const path = fromPointer(violation.instancePath, tree.root);
  const node = schemaAt(path) ?? {};
  const { params, keyword } = violation;
  // A bad name is reported once, by `propertyNames`, and not again by the pattern inside it.
  if (violation.propertyName !== undefined) return;
  if (keyword === 'propertyNames') {
    const name = String(params['propertyName']);
    issues.add([...path, name], `\`${formatPath([name])}\` cannot be a name here; use ${node['x-name-rule'] ?? 'another one'}.`);
  } else if (keyword === 'additionalProperties') addUnknownKey(issues, path, String(params['additionalProperty']), node);
  else if (keyword === 'required') addMissingKey(issues, path, String(params['missingProperty']), node);
  else if (keyword === 'minProperties')
    issues.reject(path, 'There is no service; add a table `[services.NAME]` with a `cache_type`.');
  else addBadValue(path, node, tree, issues);
}

function addBadValue(path: ConfigPath, node: SchemaNode, tree: PlainTree, issues: ConfigIssues): void {
  const value = valueAt(tree.root, path);
  const isSecret = node['x-secret'] === true || tree.fromEnvironment.has(formatPath(path));
  const near = typeof value === 'string' && !isSecret ? nearestName(value, (node.enum ?? []).map(String)) : undefined;
  const advice = near === undefined ? `${describeDefault(node)}.` : `did you mean ${JSON.stringify(near)}?`;
  issues.reject(path, `Expected ${describeExpected(node)}, got ${describeGot(value, isSecret)}; ${advice}`);
}

/** Checks the shape of `tree`, noting every violation in `issues`. */
export async function validateShape(tree: PlainTree, issues: ConfigIssues): Promise<void> {
  const { validate } = await import('../../schemas/validate-config.js');
  if (validate(tree.root)) return;
  for (const violation of validate.errors ?? []) addViolation(violation, tree, issues);
}
