// A program that uses the cache in one of several states and then ends, or should. What it prints last is what still keeps it
// alive. Arguments: the scenario, the port of a Redis.
import { createManager, init, shutdown } from '../../../dist/index.js';

const [scenario, port] = process.argv.slice(2);
const redis = { connection_string: `redis://127.0.0.1:${port}`, command_timeout_ms: 300, connection_timeout_ms: 600 };
const global = { log_level: 'silent' };
const services = {
  two: { cache_type: 'two-level', l2: redis },
  behind: {
    cache_type: 'two-level',
    l2: redis,
    two_level: { write_through: false, enable_batch_write: true, batch_interval_ms: 60_000 },
  },
  l2: { cache_type: 'l2', l2: redis },
  l1: { cache_type: 'l1' },
};

const leftovers = () => process.getActiveResourcesInfo().filter((name) => !/^(TTY|Pipe|FS|Immediate)/.test(name));

/** Says which sockets and timers there still are half a second after the end, apart from those of the standard streams. */
const report = async () => {
  for (let looks = 0; looks < 50 && leftovers().length > 0; looks++) await new Promise((resolve) => setTimeout(resolve, 10));
  console.log(`left: ${leftovers().join(' ') || 'nothing'}`);
};

const never = () => new Promise(() => undefined);

const SCENARIOS = {
  async 'in use'() {
    const manager = await createManager({ global, services });
    await manager.client('two').set('k', 1);
    await manager.client('two').getOrLoad('l', () => 1);
    await manager.client('l2').get('k');
    await manager.close();
  },
  async 'write-behind'() {
    const manager = await createManager({ global, services });
    for (let i = 0; i < 500; i++) await manager.client('behind').set(`k${i}`, i);
    await manager.close();
  },
  async 'redis lost'() {
    const manager = await createManager({ global, services });
    console.log('ready');
    while (manager.client('two').health().status === 'healthy') await new Promise((resolve) => setTimeout(resolve, 20));
    await manager.client('two').set('k', 1);
    await manager.close();
  },
  async 'redis missing'() {
    const manager = await createManager({ global, services });
    await manager.client('two').set('k', 1);
    await manager.close();
  },
  async 'redis silent'() {
    const manager = await createManager({ global, services });
    const pending = [manager.client('two').get('k'), manager.client('two').set('k', 1), manager.client('behind').set('k', 1)];
    await manager.close({ deadline: '200ms' });
    await Promise.allSettled(pending);
  },
  async 'redis frozen'() {
    const manager = await createManager({ global, services });
    console.log('ready');
    while (manager.client('two').health().status === 'healthy') {
      await manager.client('two').get('k');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const pending = [manager.client('two').get('k'), manager.client('two').set('k', 1)];
    await manager.close({ deadline: '200ms' });
    await Promise.allSettled(pending);
  },
  async 'a load that never ends'() {
    const manager = await createManager({ global, services });
    const load = manager.client('two').getOrLoad('k', never);
    const rejected = load.catch((error) => console.log(`load: ${error.code}`));
    await manager.close({ deadline: '200ms' });
    await rejected;
  },
  async 'a load in l1 that never ends'() {
    const manager = await createManager({ global, services: { l1: services.l1 } });
    const rejected = manager
      .client('l1')
      .getOrLoad('k', never)
      .catch((error) => console.log(`load: ${error.code}`));
    await manager.close({ deadline: '200ms' });
    await rejected;
  },
  async 'a load in l1 that takes too long'() {
    const manager = await createManager({ global, services: { l1: { cache_type: 'l1', load_timeout: '100ms' } } });
    await manager
      .client('l1')
      .getOrLoad('k', never)
      .catch((error) => console.log(`load: ${error.code}`));
    await manager.close();
  },
  async 'shutdown and init again'() {
    for (let i = 0; i < 3; i++) {
      const manager = await init({ global, services });
      await manager.client('two').set('k', i);
      await shutdown();
    }
  },
  async 'never closed, l1 only'() {
    const manager = await createManager({ global, services: { l1: services.l1 } });
    await manager.client('l1').set('k', 1);
    await manager.client('l1').get('k');
  },
};

await SCENARIOS[scenario]();
await report();
console.log('end');
