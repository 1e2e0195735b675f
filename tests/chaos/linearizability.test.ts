/**
 * If a call began after another one had resolved, in whichever process, it counts as later: no value comes back that was overwritten,
 * deleted, cleared or invalidated, and none is lost that was written afterwards (G4, G17). Real processes, real gaps, faults and busy
 * neighbours. OXCACHE_LINEARIZABILITY_PAIRS says how many pairs, OXCACHE_CHAOS_SEED repeats a run: the seed is printed.
 */
import { writeSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { useTemporaryFolder } from '../support/temporary-folder.js';
import { runLinearizability } from './support/linearizability-run.js';

const PAIRS = Number(process.env.OXCACHE_LINEARIZABILITY_PAIRS ?? 500);
const SEED = Number(process.env.OXCACHE_CHAOS_SEED ?? Math.floor(Math.random() * 1_000_000));

const folder = useTemporaryFolder();

test.each(['stream', 'pubsub'] as const)(
  '%s: every call takes effect between its start and its end, whatever befalls the processes (G4, G17)',
  async (transport) => {
    // Past jest, which puts a stack trace beside every line.
    writeSync(2, `linearizability ${transport}: OXCACHE_CHAOS_SEED=${SEED} OXCACHE_LINEARIZABILITY_PAIRS=${PAIRS}\n`);
    const report = await runLinearizability({ seed: SEED, pairs: PAIRS / 2, transport, folder: folder.path });
    const { findings, ...figures } = report;
    writeSync(2, `${JSON.stringify({ ...figures, findings: findings.length })}\n`);
    expect(findings.slice(0, 20)).toEqual([]);
    expect(report.faults).toBeGreaterThan(0);
    expect(report.pairs).toBeGreaterThanOrEqual(PAIRS / 2);
  },
  60_000 + PAIRS * 60,
);
