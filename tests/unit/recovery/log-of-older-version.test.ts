/** G7: version 0.1.0 logged all entries with one tag; a log that is taken over is read with the tag of its service. */
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { openEnvelope } from '../../../lib/codec/envelope.js';
import { useTemporaryFolder } from '../../support/temporary-folder.js';
import { adopt, openBench, seal } from './log-bench.js';

const folder = useTemporaryFolder();
const TAG = 'OXa';

test.each([false, true])('values and deletions, on a clock of its own: %j', async (isUnanchored) => {
  const old = await openBench(join(folder.path, 'old'), { isUnanchored });
  for (const [key, value] of [
    ['value', '"v"'],
    ['deleted', undefined],
  ] as const) {
    const version = old.version();
    expect(await old.log.put(key, seal(version, value), version)).toBe('logged');
  }
  await old.log.close();
  const heir = await openBench(join(folder.path, 'heir'), { formatTag: TAG, nodeId: 'node002' });
  await adopt(heir, [old.folder]);
  for (const [key, kind, payload] of [
    ['value', 'v', '"v"'],
    ['deleted', 'd', ''],
  ] as const) {
    const entry = heir.log.find(key);
    const sealed = entry === undefined ? undefined : heir.log.read(entry);
    const opened = openEnvelope(sealed ?? Buffer.of(), TAG);
    expect(opened).toMatchObject({ kind, version: entry?.version, payload: Buffer.from(payload) });
  }
  await heir.log.close();
});
