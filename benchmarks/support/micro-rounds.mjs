/**
 * Micro-benchmarks with the `benchmark` package, in alternating short rounds: what the machine does for a moment hits
 * candidate and reference alike. A test body is a whole pass over the keys, so that the harness costs nothing per key.
 */
import Benchmark from 'benchmark';

/** Seconds of one round of one contestant. */
const ROUND_SECONDS = 0.06;

/**
 * Nanoseconds per operation and round of each contestant.
 *
 * @param contestants by name, functions that make `operations` operations; with `isAsync` they return a promise
 */
export async function measureRounds(contestants, { operations, rounds = 25, warmUpRounds = 4, isAsync = false }) {
  const names = Object.keys(contestants);
  const results = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = -warmUpRounds; round < rounds; round++) {
    // Every other round in reverse, so that nobody always comes after the same neighbour.
    const order = round % 2 === 0 ? names : [...names].reverse();
    for (const name of order) {
      const seconds = await (isAsync ? runDeferred(contestants[name]) : runOnce(contestants[name]));
      if (round >= 0) results[name].push((seconds / operations) * 1e9);
    }
  }
  return results;
}

function runOnce(pass) {
  return new Promise((resolve, reject) => {
    new Benchmark('', pass, options(resolve, reject)).run();
  });
}

function runDeferred(pass) {
  const deferred = (end) => {
    pass().then(() => end.resolve());
  };
  return new Promise((resolve, reject) => {
    new Benchmark('', deferred, { ...options(resolve, reject), defer: true }).run({ async: true });
  });
}

function options(resolve, reject) {
  return {
    maxTime: ROUND_SECONDS,
    minTime: ROUND_SECONDS / 4,
    minSamples: 1,
    onComplete: (event) => resolve(event.target.stats.mean),
    onError: (event) => reject(event.target.error),
  };
}
