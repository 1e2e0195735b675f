/**
 * `kill -9` of our own process at any moment, in any weather, with any settings: what was acknowledged is in Redis in the end,
 * and nothing older (G7, G8). `npm run chaos` makes 500 runs; OXCACHE_CHAOS_RUNS and OXCACHE_CHAOS_SEED choose others.
 */
import { writeSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { CrashLane, type CrashReport } from './support/crash-run.js';

const RUNS = Number(process.env.OXCACHE_CHAOS_RUNS ?? 25);
const SEED = Number(process.env.OXCACHE_CHAOS_SEED ?? Math.floor(Math.random() * 1_000_000));
const FIRST = Number(process.env.OXCACHE_CHAOS_FIRST ?? 0);
const LANES = Math.min(2, RUNS);
const PROGRESS_EVERY = 25;

/** Past jest, which puts a stack trace beside every line. */
function say(line: string): void {
  writeSync(2, `${line}\n`);
}

test(
  `${RUNS} times processes are killed at random moments, and every write they acknowledged is recovered (G7)`,
  async () => {
    say(`crash matrix: OXCACHE_CHAOS_SEED=${SEED} OXCACHE_CHAOS_RUNS=${RUNS}`);
    const reports: CrashReport[] = [];
    let next = FIRST;
    const work = async (): Promise<void> => {
      const lane = await CrashLane.open();
      try {
        while (next < FIRST + RUNS) {
          const report = await lane.run(SEED, next++);
          reports.push(report);
          tell(report);
          if (reports.length % PROGRESS_EVERY === 0 && reports.length < RUNS) say(`${reports.length} of ${RUNS} runs`);
        }
      } finally {
        await lane.close();
      }
    };
    await Promise.all(Array.from({ length: LANES }, work));
    if (RUNS > 25) say(tableOf(reports));
    expect(reports.flatMap(({ run, findings }) => findings.map((finding) => `run ${run}: ${finding}`))).toEqual([]);
    // Runs that wrote nothing would prove nothing.
    expect(reports.reduce((sum, { events }) => sum + events, 0)).toBeGreaterThan(RUNS * 20);
  },
  60_000 + RUNS * 6000,
);

function tell({ run, label, findings, keptIn }: CrashReport): void {
  if (findings.length === 0) return;
  say(`run ${run} (${label}) kept in ${keptIn ?? ''}:`);
  for (const finding of findings.slice(0, 10)) say(`  ${finding}`);
}

/** What was run, by kind of service and log. */
function tableOf(reports: readonly CrashReport[]): string {
  const rows = new Map<string, { runs: number; kills: number; lines: number; findings: number; ms: number }>();
  for (const { label, kills, events, findings, durationMs } of reports) {
    const [service = '', wal = ''] = label.split(' ');
    for (const name of [`${service.padEnd(8)} ${wal}`, 'all']) {
      const row = rows.get(name) ?? { runs: 0, kills: 0, lines: 0, findings: 0, ms: 0 };
      rows.set(name, {
        runs: row.runs + 1,
        kills: row.kills + kills,
        lines: row.lines + events,
        findings: row.findings + findings.length,
        ms: row.ms + durationMs,
      });
    }
  }
  const line = (name: string, ...cells: (string | number)[]): string =>
    `${name.padEnd(30)}${cells.map((cell) => String(cell).padStart(10)).join('')}`;
  const sorted = [...rows].sort(([one], [other]) => Number(one === 'all') - Number(other === 'all') || (one < other ? -1 : 1));
  return [
    line('service  log', 'runs', 'kills', 'journal', 'findings', 'ms each'),
    ...sorted.map(([name, row]) => line(name, row.runs, row.kills, row.lines, row.findings, Math.round(row.ms / row.runs))),
  ].join('\n');
}
