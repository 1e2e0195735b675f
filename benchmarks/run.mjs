/**
 * Runs the benchmarks and prints what each figure should be and what it is.
 *
 *   npm run bench -- [--json] [suite…]
 *
 * benchmarks/README.md says what the figures mean. Nothing is written but standard output.
 */
import { fork } from 'node:child_process';
import { formatFigures, formatTable, isMet } from './support/figure.mjs';
import { prepare } from './support/prepare.mjs';
import { startRedis } from './support/redis-server.mjs';

const SUITES = {
  peek: { file: 'l1-peek' },
  get: { file: 'l1-get' },
  memory: { file: 'l1-memory' },
  'start-up': { file: 'start-up' },
  'l2-get': { file: 'l2-get', needsRedis: true },
  'l2-set': { file: 'l2-set', needsRedis: true },
  log: { file: 'log', needsRedis: true },
  outage: { file: 'outage', needsRedis: true },
  coherence: { file: 'coherence', needsRedis: true },
  scale: { file: 'scale', needsRedis: true },
  stalls: { file: 'stalls', needsRedis: true },
  peers: { file: 'peers', needsRedis: true },
};

const args = process.argv.slice(2);
const isJson = args.includes('--json');
const names = args.filter((arg) => arg !== '--json');
const unknown = names.filter((name) => !Object.hasOwn(SUITES, name));
if (unknown.length > 0) {
  console.error(`unknown: ${unknown.join(', ')}; the suites are ${Object.keys(SUITES).join(', ')}`);
  process.exit(2);
}
prepare();

const chosen = Object.entries(SUITES).filter(([name]) => names.length === 0 || names.includes(name));
const redis = chosen.some(([, suite]) => suite.needsRedis) ? await startRedis() : undefined;
const report = { node: process.version, platform: `${process.platform} ${process.arch}`, suites: [] };
say(`Node ${process.version}, ${report.platform}`);
try {
  for (const [name, suite] of chosen) {
    if (suite.needsRedis && redis === undefined) {
      say(`\n${name}: skipped, no redis-server (set REDIS_SERVER to its path, or put it on the PATH)`);
      report.suites.push({ name, skipped: true });
      continue;
    }
    const started = performance.now();
    const result = await runSuite(suite.file, { redisUrl: redis?.url });
    const { figures, table } = Array.isArray(result) ? { figures: result } : result;
    say(`\n${name} (${((performance.now() - started) / 1000).toFixed(0)} s)`);
    if (figures?.length > 0) say(formatFigures(figures).join('\n'));
    if (table !== undefined) say(formatTable(table.head, table.rows).join('\n'));
    report.suites.push({ name, figures: figures?.map((figure) => ({ ...figure, met: isMet(figure) })), table });
  }
} finally {
  await redis?.stop();
}
if (isJson) console.log(JSON.stringify(report, undefined, 2));

function say(text) {
  if (!isJson) console.log(text);
}

function runSuite(file, context) {
  return new Promise((resolve, reject) => {
    const suite = JSON.stringify({ file: new URL(`suites/${file}.mjs`, import.meta.url).href, context });
    const child = fork(new URL('support/suite-process.mjs', import.meta.url), [suite], { execArgv: ['--expose-gc'] });
    let result;
    child.once('message', (message) => (result = message));
    child.once('error', reject);
    child.once('exit', (code) => {
      if (code === 0 && result !== undefined) resolve(result);
      else reject(new Error(`the suite ${file} ended with code ${code}`));
    });
  });
}
