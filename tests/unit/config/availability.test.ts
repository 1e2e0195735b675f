import { describe, expect, test } from '@jest/globals';
import { issuesOf, places } from './load-toml.js';

describe('what is not available yet', () => {
  const KEYS = [
    'services.a.sync.enabled = true',
    'services.a.sync.transport = "stream"',
    'services.a.sync.on_link_loss = "serve"',
    'global.sync.enabled = true',
    'global.sync.transport = "pubsub"',
    'services.a.l2.sentinel = { master_name = 5, oops = 1 }',
    'services.a.l2.cluster = { nodes = [] }',
  ];
  const BASE = 'services.a.cache_type = "two-level"\nservices.a.l2.connection_string = "redis://h"\n';

  test.each(KEYS)('%s is said to be so, in a file', async (line) => {
    const path = line.split(' = ')[0] ?? '';
    expect(await issuesOf(`${BASE}${line}\n`)).toEqual([
      { path, line: 3, message: `\`${path}\` is not available yet in this version; remove it.` },
    ]);
  });

  test.each([
    ['services.a.single_flight', 'cluster', '"off", "process"'],
    ['services.a.l1.eviction', 'tinylfu', '"s3fifo", "lru"'],
    ['services.a.l2.mode', 'sentinel', '"standalone"'],
    ['global.l2.mode', 'cluster', '"standalone"'],
  ])('%s = "%s" is said to be so', async (path, value, others) => {
    const issues = await issuesOf(`${BASE}${path} = "${value}"\n`);
    expect(places(issues)).toEqual([`3 ${path}`]);
    expect(issues[0]?.message).toContain(`"${value}" is not available yet in this version; use`);
    expect(issues[0]?.message).toContain(others);
  });

  test('is said to be so in an object too, which has no lines', async () => {
    const issues = await issuesOf({
      services: { a: { cache_type: 'l1', sync: { transport: 'stream' }, single_flight: 'cluster' } },
    });
    expect(places(issues)).toEqual(['services.a.sync.transport', 'services.a.single_flight']);
  });

  test('a service that says it is behind sentinels is not asked for an address as well', async () => {
    const issues = await issuesOf('[services.a]\ncache_type = "l2"\nl2 = { mode = "sentinel", sentinel = {} }\n');
    expect(places(issues)).toEqual(['3 services.a.l2.mode', '3 services.a.l2.sentinel']);
  });
});
