/**
 * How long calls about very many keys hold up the event loop, the library's own garbage included: no turn of it should take more
 * than 50 ms, and every key should be found.
 */
import { startCompanions } from '../support/companions.mjs';
import { median, quantile } from '../support/statistics.mjs';

const KEYS = 200_000;
const CLEARED = 1_000_000;
const ROUNDS = 3;
const GOAL = ['<=', 50];
/** Filling an L1 beyond 500,000 entries: there V8 doubles a `Map` in one step, which no library can cut. */
const WITHOUT_GOAL = /million: setMany$/;

const KINDS = [
  { name: 'l1', cacheType: 'l1' },
  { name: 'l2', cacheType: 'l2' },
  { name: 'two-level', cacheType: 'two-level' },
  { name: 'two-level, msgpack', cacheType: 'two-level', serialization: 'msgpack' },
];

export async function run({ redisUrl }) {
  const figures = [];
  for (const kind of KINDS) figures.push(...(await measure(kind.name, 'measureCalls', kind, redisUrl, { keys: KEYS })));
  for (const eviction of ['s3fifo', 'lru']) {
    const name = `l1, ${eviction}, ${CLEARED / 1e6} million`;
    figures.push(...(await measure(name, 'measureClear', eviction, { entries: CLEARED })));
  }
  figures.push(...(await measureHeard(redisUrl)));
  return figures;
}

/** Carries out a function of calls.mjs in a process of its own; the options come last. */
async function measure(title, name, ...args) {
  const [companion] = startCompanions(new URL('../stalls/calls.mjs', import.meta.url), 1);
  try {
    const options = { ...args.pop(), rounds: ROUNDS };
    return figuresOf(title, await companion.ask(name, ...args, options));
  } finally {
    await companion.stop();
  }
}

async function measureHeard(redisUrl) {
  const [listener, writer] = startCompanions(new URL('../stalls/heard.mjs', import.meta.url), 2);
  const seen = [];
  try {
    await writer.ask('open', redisUrl, KEYS);
    await listener.ask('open', redisUrl, KEYS);
    await writer.ask('write');
    for (let round = 0; round < ROUNDS; round++) {
      for (const call of ['write', 'invalidate']) {
        await listener.ask('hold');
        const [heard] = await Promise.all([listener.ask('hear'), writer.ask(call)]);
        seen.push({ name: call === 'write' ? 'setMany' : 'invalidateTags', ...heard, of: KEYS });
      }
      await writer.ask('write');
    }
  } finally {
    await listener.stop();
    await writer.stop();
  }
  return figuresOf('heard of by another process', seen);
}

/** One figure for each call that was seen: how long it held up the loop; a key that was not found is an error. */
function figuresOf(title, seen) {
  return [...new Set(seen.map(({ name }) => name))].map((name) => {
    const rounds = seen.filter((each) => each.name === name);
    for (const { found, of } of rounds) if (found !== of) throw new Error(`${title}, ${name}: ${found} of ${of}`);
    const stalls = rounds.map(({ stallMs }) => stallMs);
    const figure = `${title}: ${name}`;
    return {
      figure,
      goal: WITHOUT_GOAL.test(figure) ? undefined : GOAL,
      unit: 'ms',
      measured: median(stalls),
      low: quantile(stalls, 0.25),
      high: quantile(stalls, 0.75),
      note: `longest ${Math.max(...stalls).toFixed(0)} ms; all ${rounds[0].of.toLocaleString('en')} keys`,
    };
  });
}
