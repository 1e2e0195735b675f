// A program that uses the cache over sentinels or a cluster, closes it and has nothing more to do. Its argument: the `l2` table.
import { createManager } from '../../../dist/index.js';

process.on('warning', (warning) => console.error(warning.name));
const l2 = { connection_timeout_ms: 1000, command_timeout_ms: 300, ...JSON.parse(process.argv[2]) };
const services = { two: { cache_type: 'two-level', l2 }, clustered: { cache_type: 'l2', l2, single_flight: 'cluster' } };
const manager = await createManager({ global: { log_level: 'silent' }, services });
const two = manager.client('two');
const entries = Array.from({ length: 50 }, (_, index) => [`k${index}`, index]);
await two.setMany(entries);
await two.getOrLoad('loaded', () => 1);
await manager.client('clustered').getOrLoad('loaded', () => 1);
const found = await manager.client('clustered').getMany(entries.map(([key]) => key));
console.log(`${two.health().l2.status} ${found.size} ${await two.getL2Only('k7')}`);
const before = performance.now();
await manager.close({ deadline: '1s' });
process.on('exit', () => console.log(`ended after ${performance.now() - before < 4000 ? 'a moment' : 'a while'}`));
