/** The bounded memory of evicted keys. */
import { describe, expect, test } from '@jest/globals';
import { GhostKeys } from '../../../../lib/tiers/memory/ghost-keys.js';

describe('GhostKeys', () => {
  test.each([1, 2, 3, 10, 101])('G14: never remembers more than the limit of %d, and always the latest', (limit) => {
    const ghosts = new GhostKeys();
    for (let i = 0; i < 500; i++) {
      ghosts.add(`k${String(i)}`, limit);
      expect(ghosts.list().length).toBeLessThanOrEqual(limit);
      expect(ghosts.list()).toContain(`k${String(i)}`);
    }
    expect(ghosts.list().length).toBeGreaterThanOrEqual(Math.floor(limit / 2));
  });

  test('a key that comes back is forgotten, from whichever generation it is in', () => {
    const ghosts = new GhostKeys();
    for (const key of ['a', 'b', 'c']) ghosts.add(key, 4);
    expect([ghosts.take('a'), ghosts.take('a'), ghosts.take('c'), ghosts.take('unknown')]).toEqual([true, false, true, false]);
    expect(ghosts.list()).toEqual(['b']);
  });
});
