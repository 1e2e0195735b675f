/**
 * Processes that share a Redis write, read and invalidate through bad weather, and nothing that is read is older than the bound
 * allows (G4, G5). OXCACHE_STALENESS_SECONDS makes it longer: so much weather in each mode, in rounds of 20 s at most.
 * OXCACHE_CHAOS_SEED repeats a round: the seed of each is printed.
 */
import { writeSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { runStaleness, type StalenessReport } from './support/staleness-run.js';
import { STALENESS_MODES } from './support/staleness-world.js';

const DEFAULT_SECONDS = 2;
/** Of weather, in each mode. */
const SECONDS = Number(process.env.OXCACHE_STALENESS_SECONDS ?? DEFAULT_SECONDS);
const SEED = Number(process.env.OXCACHE_CHAOS_SEED ?? Math.floor(Math.random() * 1_000_000));
/** A longer run is made of several. */
const ROUND_SECONDS = 20;
const ROUNDS = Math.ceil(SECONDS / ROUND_SECONDS);
const SECONDS_EACH = SECONDS / ROUNDS;

/** Past jest, which puts a stack trace beside every line. */
function say(line: string): void {
  writeSync(2, `${line}\n`);
}

function tell(report: StalenessReport): void {
  const { findings, keptIn, ...facts } = report;
  if (SECONDS > DEFAULT_SECONDS || findings.length > 0) say(JSON.stringify({ ...facts, findings: findings.length }));
  if (findings.length === 0) return;
  say(`journals kept in ${keptIn ?? ''}`);
  for (const finding of findings.slice(0, 10)) say(`  ${finding}`);
}

test.each(STALENESS_MODES)(
  '%s: nothing older than the bound is read, whatever befalls readers and Redis (G4, G5)',
  async (mode) => {
    for (let round = 0; round < ROUNDS; round++) {
      const seed = SEED + round;
      say(`staleness ${mode}: OXCACHE_CHAOS_SEED=${seed} OXCACHE_STALENESS_SECONDS=${SECONDS}`);
      const report = await runStaleness({ mode, seed, weatherMs: SECONDS_EACH * 1000 });
      tell(report);
      expect(report.findings.slice(0, 20)).toEqual([]);
      // Runs in which little was written, held and dropped would prove little.
      expect(report.faults).toBeGreaterThan(0);
      expect(report.writes).toBeGreaterThan(SECONDS_EACH * 5);
      expect(report.memoryHits).toBeGreaterThan(SECONDS_EACH * 10);
      expect(report.invalidations).toBeGreaterThan(SECONDS_EACH * 5);
    }
  },
  60_000 + SECONDS * ROUNDS * 10_000,
);

test('without a bus the same readers are found to be stale: the judge notices', async () => {
  const report = await runStaleness({ mode: 'stream', seed: SEED, weatherMs: 1000, isSynced: false });
  expect(report.findings.filter((finding) => finding.startsWith('STALE')).length).toBeGreaterThan(10);
}, 60_000);
