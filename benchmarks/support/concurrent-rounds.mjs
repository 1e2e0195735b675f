/**
 * Throughput with a fixed number of concurrent callers, in alternating short rounds. The `benchmark` package measures one
 * deferred call at a time, which says nothing about callers that wait together, so this is a loop of our own: each caller
 * asks again as soon as it has its answer.
 */

/** Microseconds per operation and round of each contestant; every contestant is an async function of the operation's number. */
export async function measureConcurrent(contestants, { callers, roundMs, rounds = 15, warmUpRounds = 3 }) {
  const names = Object.keys(contestants);
  const results = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = -warmUpRounds; round < rounds; round++) {
    const order = round % 2 === 0 ? names : [...names].reverse();
    for (const name of order) {
      const microseconds = await runRound(contestants[name], callers, roundMs);
      if (round >= 0) results[name].push(microseconds);
    }
  }
  return results;
}

/** Microseconds per operation in one round of `roundMs`; its callers stop asking at the same moment. */
export async function runRound(operate, callers, roundMs) {
  let operations = 0;
  let isOver = false;
  const caller = async () => {
    while (!isOver) {
      await operate(operations++);
      // The time is looked at now and then only: reading it costs as much as some of the operations.
      if ((operations & 31) === 0 && performance.now() - started >= roundMs) isOver = true;
    }
  };
  const started = performance.now();
  await Promise.all(Array.from({ length: callers }, caller));
  return ((performance.now() - started) * 1000) / operations;
}
