/** How often a cold key is loaded when many callers of many processes ask for it at once, with `single_flight = "cluster"`. */
import { askAll, startCompanions } from '../support/companions.mjs';
import { median } from '../support/statistics.mjs';

const PROCESSES = 8;
const CALLERS = 200;
const LOADER_MS = 50;
const ROUNDS = 5;

/** See the file's header. */
export async function measureLoads(redisUrl) {
  const processes = startCompanions(new URL('load-process.mjs', import.meta.url), PROCESSES);
  await askAll(processes, 'open', redisUrl);
  let most = 0;
  const waits = [];
  for (let round = 0; round < ROUNDS; round++) {
    const startNs = String(process.hrtime.bigint() + 100_000_000n);
    const ends = await askAll(processes, 'load', { key: `cold:${round}`, startNs, callers: CALLERS, loaderMs: LOADER_MS });
    most = Math.max(
      most,
      ends.reduce((sum, { calls }) => sum + calls, 0),
    );
    waits.push(Math.max(...ends.map(({ endedMs }) => endedMs)));
    if (most === 1 && new Set(ends.flatMap(({ loadedBy }) => loadedBy)).size !== 1)
      throw new Error('not everybody has the value');
  }
  await Promise.all(processes.map((each) => each.stop()));
  return [
    {
      figure: `loads of a cold key, ${PROCESSES} processes × ${CALLERS} callers`,
      goal: ['<=', 1],
      unit: 'loads',
      measured: most,
      note: `the most of ${ROUNDS} rounds; a load takes ${LOADER_MS} ms, all had the value after ${median(waits).toFixed(0)} ms`,
    },
  ];
}
