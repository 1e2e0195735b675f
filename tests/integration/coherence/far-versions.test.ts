/**
 * Versions that no sound clock has made, far ahead of the server's: whatever carries one into a process, it is neither followed nor
 * obeyed, and what is read and written goes on as before.
 */
import { describe, expect, test } from '@jest/globals';
import { sealMessage, type TagVersion } from '../../../lib/codec/invalidation-message.js';
import { until } from '../../support/until.js';
import { countingLoader, SERVICE, Workbench } from '../clients/workbench.js';

const bench = new Workbench();
/** Decades from now. */
const FAR = `${String(Date.now() + 30 * 365 * 24 * 3_600_000)}0000othernd`;
const STREAM = `oxcache::${SERVICE}:stream`;
const CHANNEL = `oxcache::${SERVICE}:bus`;

/** Sends a message as another process would, in either way. */
async function announce(kind: 'k' | 'c', items: readonly (string | TagVersion)[] = []): Promise<void> {
  const message = sealMessage('othernd', FAR, kind, items);
  await bench.server.call('XADD', STREAM, '*', 'm', message);
  await bench.server.call('PUBLISH', CHANNEL, message);
}

describe.each(['stream', 'pubsub'] as const)('a message over %s with a version decades ahead', (transport) => {
  test.each(['two-level', 'l2'] as const)('G4: leaves the tag it names usable (%s)', async (kind) => {
    const cache = await bench.client<string>(kind, { sync: { transport } });
    await announce('k', [['t', FAR], 'sentinel']);
    await until(() => cache.metrics().invalidationsReceived > 0, { describe: 'the message' });
    const { load, calls } = countingLoader();
    for (let round = 0; round < 5; round++) expect(await cache.getOrLoad('k', load, { tags: ['t'] })).toBe('k#1');
    expect(calls).toEqual(['k']);
    await cache.invalidateTags('t');
    expect(await cache.getOrLoad('k', load, { tags: ['t'] })).toBe('k#2');
    const other = await bench.client<string>(kind, { sync: { transport } });
    expect(await other.get('k')).toBe('k#2');
  });

  test('G4: does not clear what is written afterwards, and a later clear has its effect', async () => {
    const cache = await bench.client<string>('two-level', { sync: { transport } });
    await announce('c');
    await until(() => cache.metrics().invalidationsReceived > 0, { describe: 'the message' });
    expect((await cache.set('k', 'v')).l2).toBe('written');
    const other = await bench.client<string>('two-level', { sync: { transport } });
    expect(await other.get('k')).toBe('v');
    await cache.clear();
    await until(() => other.peek('k') === undefined, { describe: 'the clear to be heard of' });
    expect(await other.get('k')).toBeUndefined();
  });
});
