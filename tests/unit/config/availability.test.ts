import { describe, expect, test } from '@jest/globals';
import { issuesOf, places } from './load-toml.js';

describe('what is not available yet', () => {
  test.each([['services.a.l1.eviction', 'tinylfu', '"s3fifo", "lru"']])(
    '%s = "%s" is said to be so',
    async (path, value, others) => {
      const base = 'services.a.cache_type = "two-level"\nservices.a.l2.connection_string = "redis://h"\n';
      const issues = await issuesOf(`${base}${path} = "${value}"\n`);
      expect(places(issues)).toEqual([`3 ${path}`]);
      expect(issues[0]?.message).toContain(`"${value}" is not available yet in this version; use`);
      expect(issues[0]?.message).toContain(others);
    },
  );

  test('is said to be so in an object too, which has no lines', async () => {
    const issues = await issuesOf({ services: { a: { cache_type: 'l1', l1: { eviction: 'tinylfu' } } } });
    expect(places(issues)).toEqual(['services.a.l1.eviction']);
  });
});
