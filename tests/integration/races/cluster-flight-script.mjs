// A process that loads keys together with others (`single_flight = "cluster"`). Arguments: the role, the address of Redis, the
// folder of all processes, this process's id.
import { appendFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createManager } from '../../../dist/index.js';

const [role, url, dir, id] = process.argv.slice(2);
const CALLERS = 200;

const manager = await createManager({
  global: { log_level: 'error', wal: { dir: join(dir, 'wal') } },
  services: {
    l2: { cache_type: 'l2', single_flight: 'cluster', load_timeout: '60s', l2: { connection_string: url } },
    two: { cache_type: 'two-level', single_flight: 'cluster', load_timeout: '60s', l2: { connection_string: url } },
  },
});

const ROLES = {
  /** Round after round, as soon as the file `go-<round>` is there: many callers for one cold key. */
  async crowd(rounds) {
    for (let round = 0; round < rounds; round++) {
      console.log(`ready ${round}.`);
      while (!existsSync(join(dir, `go-${round}`))) await delay(1);
      const service = round % 2 === 0 ? 'two' : 'l2';
      const load = async ({ key }) => {
        appendFileSync(join(dir, 'loads'), `${key} ${id}\n`);
        // The first loads are over before the others have looked, the later ones are not.
        await delay(round % 10);
        return `value of ${key}`;
      };
      const client = manager.client(service);
      const values = await Promise.all(Array.from({ length: CALLERS }, () => client.getOrLoad(`k${round}`, load)));
      const wrong = values.filter((value) => value !== `value of k${round}`);
      console.log(`done ${round}: ${wrong.length} wrong.`);
    }
    await manager.close();
  },
  /** Loads and never ends. */
  async holder() {
    const never = () => {
      console.log('loading');
      return new Promise(() => setInterval(() => undefined, 60_000));
    };
    await Promise.all([manager.client('two').getOrLoad('k', never), manager.client('two').getOrLoadMany(['a', 'b', 'c'], never)]);
  },
};

await ROLES[role](Number(process.argv[6] ?? 0));
