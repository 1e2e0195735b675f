/**
 * Makes everything that repeats the schema: the compiled validator, the TypeScript types and the tables of the docs.
 * `npm run generate` writes them; with `--check` nothing is written and the exit code is 1 when one of them is stale.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { Ajv } from 'ajv';
import standaloneModule from 'ajv/dist/standalone/index.js';
import { format, resolveConfig } from 'prettier';

const ROOT = new URL('../', import.meta.url);
const GENERATED = 'Generated from schemas/config.schema.json by `npm run generate`; do not edit.';
const NAMES = {
  global: 'GlobalConfig',
  service: 'ServiceConfig',
  l1: 'L1Config',
  l2: 'L2Config',
  tls: 'TlsConfig',
  sentinel: 'SentinelConfig',
  cluster: 'ClusterConfig',
  node: 'NodeConfig',
  two_level: 'TwoLevelConfig',
  sync: 'SyncConfig',
  wal: 'WalConfig',
};
const TABLES = ['global', 'service', 'l1', 'l2', 'tls', 'sentinel', 'cluster', 'two_level', 'sync', 'wal'];
const HEADINGS = {
  global: '`[global]`',
  service: '`[services.NAME]`',
  tls: '`l2.tls`',
  sentinel: '`l2.sentinel`',
  cluster: '`l2.cluster`',
};

const schema = JSON.parse(await readFile(new URL('schemas/config.schema.json', ROOT), 'utf8'));

/** The definition a node refers to, with the node's own annotations on top. */
function follow(node) {
  if (node.$ref === undefined) return node;
  const { $ref, ...own } = node;
  return { ...schema.definitions[$ref.replace('#/definitions/', '')], ...own };
}

const refName = (node) => node.$ref?.replace('#/definitions/', '');
const isLater = (node) => follow(node)['x-available'] !== undefined;
/** Whether a node can be used: a table only where one of its keys can. */
const isNow = (node) =>
  !isLater(node) && (node.properties === undefined || Object.values(node.properties).some((child) => !isLater(child)));

/** The schema without annotations, which the validator has no use for. */
function bare(node) {
  if (Array.isArray(node)) return node.map(bare);
  if (typeof node !== 'object' || node === null) return node;
  return Object.fromEntries(
    Object.entries(node)
      .filter(
        ([key, value]) =>
          !key.startsWith('x-') && key !== 'default' && key !== 'title' && !(key === 'description' && typeof value === 'string'),
      )
      .map(([key, value]) => [key, bare(value)]),
  );
}

function makeValidator() {
  const ajv = new Ajv({
    allErrors: true,
    allowUnionTypes: true,
    messages: false,
    inlineRefs: false,
    code: { source: true, esm: true, lines: true },
  });
  const code = standaloneModule.default(ajv, ajv.compile(bare(schema)));
  const imports = [];
  // ajv writes `require` for its runtime helpers even when asked for an ES module.
  const body = code.replace(/const (\w+) = require\("ajv\/dist\/runtime\/(\w+)"\)\.default;?/g, (_all, name, helper) => {
    imports.push(`import ${helper} from 'ajv/dist/runtime/${helper}.js';`);
    return `const ${name} = ${helper}.default;`;
  });
  if (body.includes('require(')) throw new Error('The compiled validator needs a module this script does not know.');
  return `// ${GENERATED}\n${imports.join('\n')}\n${body.replace('"use strict";', '').replace(/^export default \w+;?$/m, '')}`;
}

function typeOf(node) {
  const name = refName(node);
  if (name === 'node') return `string | ${NAMES[name]}`;
  if (NAMES[name] !== undefined) return NAMES[name];
  if (name !== undefined) return typeOf(follow(node));
  if (node.type === 'array') return `readonly (${typeOf(node.items)})[]`;
  if (node['x-unit'] === 'duration') return 'Duration';
  if (node.enum !== undefined) {
    const later = node['x-values-not-yet'] ?? [];
    return node.enum
      .filter((value) => !later.includes(value))
      .map((value) => JSON.stringify(value))
      .join(' | ');
  }
  if (node.type === 'object') return `Readonly<Record<string, ${typeOf(node.additionalProperties)}>>`;
  return node.type === 'integer' ? 'number' : node.type;
}

function docComment(node) {
  const resolved = follow(node);
  const absent = resolved.default === undefined ? resolved['x-default'] : `\`${JSON.stringify(resolved.default)}\``;
  return `/** ${resolved.description}${absent === undefined ? '' : ` Absent: ${absent}.`} */`;
}

function makeInterface(name, node) {
  const now = Object.entries(node.properties).filter(([, child]) => isNow(follow(child)));
  const fields = now.map(([key, child]) => {
    const required = node.required?.includes(key) ?? false;
    return `${docComment(child)}\nreadonly ${key}${required ? '' : '?'}: ${typeOf(child)}${required ? '' : ' | undefined'};`;
  });
  const text = `/** ${node.description} */\nexport interface ${name} {\n${fields.join('\n')}\n}\n`;
  const filled = now.filter(([, child]) => child.default !== undefined);
  if (name === 'ConfigObject' || filled.length === 0) return text;
  const defaults = filled.map(([key, child]) => `readonly ${key}: ${typeOf(child)};`);
  return `${text}\n/** The keys of {@link ${name}} that have a default of their own. */\nexport interface ${name.replace('Config', 'Defaults')} {\n${defaults.join('\n')}\n}\n`;
}

function makeTypes() {
  const parts = [makeInterface('ConfigObject', schema)];
  for (const [definition, name] of Object.entries(NAMES)) parts.push(makeInterface(name, schema.definitions[definition]));
  const header = `/**\n * The configuration as users write it, for those who pass an object instead of a file: the same keys as in TOML.\n * ${GENERATED}\n */\nimport type { Duration } from '../base/duration.js';\n\n`;
  return header + parts.join('\n');
}

const grouped = (value) => String(value).replace(/\B(?=(\d{3})+$)/g, ',');

/** A number of seconds the way people say it. */
function spoken(seconds) {
  for (const [unit, size] of [
    ['d', 86_400],
    ['h', 3600],
  ]) {
    if (seconds >= size && seconds % size === 0) return `${seconds / size} ${unit}`;
  }
  return `${grouped(seconds)} s`;
}

function bounds(node) {
  const show = node['x-unit'] === 'duration' ? spoken : grouped;
  if (node.enum !== undefined)
    return node.enum
      .map((value) => `\`${JSON.stringify(value)}\`${(node['x-values-not-yet'] ?? []).includes(value) ? ' (not yet)' : ''}`)
      .join(', ');
  const parts = [];
  if (node.minimum !== undefined) parts.push(`from ${show(node.minimum)}`);
  if (node.exclusiveMinimum !== undefined) parts.push(`more than ${show(node.exclusiveMinimum)}`);
  if (node.maximum !== undefined && node.maximum < 2_147_483_647) parts.push(`at most ${show(node.maximum)}`);
  return parts.join(', ') || node['x-rule'] || '';
}

function kind(node) {
  if (node['x-unit'] === 'duration') return 'duration';
  if (node.type === 'object') return 'table';
  return { integer: 'integer', number: 'number', boolean: 'boolean', string: 'string', array: 'array' }[node.type];
}

function row(key, child, required) {
  const node = follow(child);
  const byDefault =
    node.default === undefined ? (node['x-default'] ?? (required ? 'required' : '')) : `\`${JSON.stringify(node.default)}\``;
  const later = isLater(node) ? '**Not available yet.** ' : '';
  return `| \`${key}\` | ${kind(node)} | ${byDefault} | ${bounds(node)} | ${later}${node.description} |`;
}

function makeDocs(page) {
  const tables = TABLES.map((name) => {
    const node = schema.definitions[name];
    const rows = Object.entries(node.properties).map(([key, child]) => row(key, child, node.required?.includes(key)));
    return `### ${HEADINGS[name] ?? `\`${name}\``}\n\n${node.description}\n\n| key | type | default | values | meaning |\n|---|---|---|---|---|\n${rows.join('\n')}\n`;
  });
  const root = row('config_version', schema.properties.config_version, false);
  const top = `### The file\n\n| key | type | default | values | meaning |\n|---|---|---|---|---|\n${root}\n`;
  const [start, end] = ['<!-- generated by `npm run generate` -->', '<!-- end of the generated part -->'];
  const [from, to] = [page.indexOf(start), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error('docs/configuration.md has lost the markers of its generated part.');
  return `${page.slice(0, from)}${start}\n\n${[top, ...tables].join('\n')}\n${page.slice(to)}`;
}

const outputs = {
  'schemas/validate-config.js': makeValidator,
  'lib/config/config-object.ts': makeTypes,
  'docs/configuration.md': makeDocs,
};

let isStale = false;
for (const [path, make] of Object.entries(outputs)) {
  const url = new URL(path, ROOT);
  const current = await readFile(url, 'utf8').catch(() => '');
  const options = await resolveConfig(url);
  const wanted = await format(make(current), { ...options, filepath: url.pathname });
  if (wanted === current) continue;
  if (process.argv.includes('--check')) {
    isStale = true;
    console.error(`${path} is stale: run \`npm run generate\`.`);
  } else {
    await writeFile(url, wanted);
    console.log(`wrote ${path}`);
  }
}
if (isStale) process.exitCode = 1;
