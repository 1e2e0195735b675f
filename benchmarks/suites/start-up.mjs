/**
 * What a process pays for `import 'oxcache'` and `init` with a service of L1 only, each time in a fresh process, next to an
 * empty Node process and to importing three of the library's dependencies, which it loads only where they are used.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { dist } from '../support/package.mjs';
import { median, quantile } from '../support/statistics.mjs';

const ROUNDS = 11;
const GOAL_MS = 100;

const TOML = `
[services.c]
cache_type = "l1"
ttl = 600
l1 = { max_capacity = 10000, ttl = 300, tti = 180 }
`;

export function run() {
  const folder = mkdtempSync(join(tmpdir(), 'oxcache-bench-'));
  try {
    const file = join(folder, 'cache.toml');
    writeFileSync(file, TOML);
    const entry = JSON.stringify(new URL('index.js', dist).href);
    const config = { services: { c: { cache_type: 'l1', ttl: 600, l1: { max_capacity: 10_000, ttl: 300, tti: 180 } } } };
    const start = (source) =>
      `const { init, shutdown } = await import(${entry}); await init(${JSON.stringify(source)}); done(); await shutdown();`;
    const resolve = createRequire(new URL('index.js', dist)).resolve;
    const eager = ['ioredis', 'ajv', 'winston'].map((name) => `import(${JSON.stringify(pathToFileURL(resolve(name)).href)})`);
    const programs = {
      empty: 'done();',
      object: start(config),
      toml: start(file),
      eager: `await Promise.all([${eager.join(', ')}]); done();`,
    };
    const inside = Object.fromEntries(Object.keys(programs).map((name) => [name, []]));
    const whole = Object.fromEntries(Object.keys(programs).map((name) => [name, []]));
    for (let round = -1; round < ROUNDS; round++) {
      for (const [name, program] of Object.entries(programs)) {
        const times = runProgram(program);
        if (round < 0) continue;
        inside[name].push(times.insideMs);
        whole[name].push(times.wholeMs);
      }
    }
    const ms = (figure, numbers, goal, note) => ({
      figure,
      goal,
      unit: 'ms',
      measured: median(numbers),
      low: quantile(numbers, 0.25),
      high: quantile(numbers, 0.75),
      note,
    });
    const processNote = (name) =>
      `whole process ${median(whole[name]).toFixed(0)} ms, an empty one ${median(whole.empty).toFixed(0)} ms`;
    return [
      ms('import + init, l1 only, object', inside.object, ['<=', GOAL_MS], processNote('object')),
      ms('import + init, l1 only, TOML file', inside.toml, ['<=', GOAL_MS], processNote('toml')),
      ms('import of ioredis, ajv and winston', inside.eager, undefined, processNote('eager')),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Milliseconds from the program's first statement until it called `done`, and from the process's start to its end. */
function runProgram(program) {
  const text = `const startedMs = performance.now();
    const done = () => process.stdout.write(String(performance.now() - startedMs));
    ${program}`;
  const startedMs = performance.now();
  const child = spawnSync(process.execPath, ['--input-type=module', '--eval', text], { encoding: 'utf8' });
  const wholeMs = performance.now() - startedMs;
  if (child.status !== 0) throw new Error(child.stderr);
  return { insideMs: Number(child.stdout), wholeMs };
}
