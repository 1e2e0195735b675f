/**
 * How long after a write has resolved the other processes have dropped their copies. Every process writes all keys in turn, each
 * a quarter of a turn apart, and so the nth time a process hears of a key belongs to the nth write of that key by the others.
 */
import { askAll, startCompanions } from '../support/companions.mjs';
import { quantile } from '../support/statistics.mjs';

const PROCESSES = 4;
const PER_SECOND = 5000;
const KEYS = 8000;
const DURATION_MS = 5000;
/** What came in the first second is not counted: the code is not compiled yet. */
const WARM_UP_MS = 1000;
/** They have heard of everything when nothing came for this long. */
const SETTLE_MS = 1000;
/** On a busy machine writers overtake each other; fewer than this say nothing. */
const LEAST_TIMED = 0.8;

/** See the file's header. */
export async function measureLag(redisUrl) {
  const processes = startCompanions(new URL('lag-process.mjs', import.meta.url), PROCESSES);
  await askAll(processes, 'open', redisUrl, KEYS);
  const start = process.hrtime.bigint() + 200_000_000n;
  const logs = await Promise.all(
    processes.map((each, number) =>
      each.ask('writeAndListen', {
        startNs: String(start),
        durationMs: DURATION_MS,
        perSecond: PER_SECOND / PROCESSES,
        offset: (number * KEYS) / PROCESSES,
        settleMs: SETTLE_MS,
      }),
    ),
  );
  await Promise.all(processes.map((each) => each.stop()));
  const lags = logs.flatMap(({ heard }, listener) =>
    lagsOf(
      heard,
      logs.flatMap(({ writes }, i) => (i === listener ? [] : writes)),
    ),
  );
  const sinceResolved = lags.map(({ resolvedMs }) => Math.max(0, resolvedMs));
  const sinceCalled = lags.map(({ calledMs }) => calledMs);
  const written = logs.reduce((sum, { writes }) => sum + writes.length, 0);
  const ms = (figure, numbers, share, goal, note) => ({ figure, goal, unit: 'ms', measured: quantile(numbers, share), note });
  const who = `${((written / DURATION_MS) * 1000).toFixed(0)} writes/s of ${PROCESSES} processes`;
  const share = lags.length / ((PROCESSES - 1) * logs.reduce((sum, { writes }) => sum + countLate(writes), 0));
  const lost = logs.map((log) => log.lost).filter((each) => Object.keys(each).length > 0);
  if (share < LEAST_TIMED)
    throw new Error(`${(share * 100).toFixed(0)} % of the writes were heard of in their order; ${JSON.stringify(lost)}`);
  const late = sinceResolved.filter((each) => each > 0).length / lags.length;
  const already = `${((1 - late) * 100).toFixed(0)} % were dropped before the writer knew`;
  return [
    ms('dropped elsewhere, after set resolved, p50', sinceResolved, 0.5, ['<=', 1], who),
    ms('dropped elsewhere, after set resolved, p99', sinceResolved, 0.99, ['<=', 5], already),
    ms('dropped elsewhere, after set was called, p50', sinceCalled, 0.5, undefined, ''),
    ms('dropped elsewhere, after set was called, p99', sinceCalled, 0.99, undefined, `${(share * 100).toFixed(1)} % were timed`),
  ];
}

/** The lags of what one process heard; the writes are those of the others. */
function lagsOf(heard, writes) {
  const heardByKey = groupByKey(heard);
  const lags = [];
  for (const [key, ofKey] of groupByKey(writes.toSorted((a, b) => a[2] - b[2]))) {
    const times = heardByKey.get(key) ?? [];
    // A writer was overtaken: which message belongs to which write is not known.
    if (times.length !== ofKey.length) continue;
    for (const [i, [, calledMs, resolvedMs]] of ofKey.entries()) {
      if (calledMs >= WARM_UP_MS) lags.push({ calledMs: times[i][1] - calledMs, resolvedMs: times[i][1] - resolvedMs });
    }
  }
  return lags;
}

const countLate = (writes) => writes.filter(([, calledMs]) => calledMs >= WARM_UP_MS).length;

function groupByKey(items) {
  const groups = new Map();
  for (const item of items) {
    const group = groups.get(item[0]);
    if (group === undefined) groups.set(item[0], [item]);
    else group.push(item);
  }
  return groups;
}
