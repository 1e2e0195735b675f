// A process that fills the disk of its log while Redis is away, and is killed there: `node full-disk-child.mjs <JSON>`.
// It stores the first value of each key, says `warm`, waits for the outage, writes on until the log has refused many
// values, removes some keys, says what it was told as one line of JSON after `full `, and waits to be killed.
import { createManager } from '../../../dist/index.js';

const spec = JSON.parse(process.argv[2]);

const manager = await createManager(spec.config);
const client = manager.client('s');
const text = 'x'.repeat(spec.valueBytes);
const told = {};
let n = 0;

const write = async (key) => {
  const value = ++n;
  const { l2 } = await client.set(key, { n: value, text });
  told[key] = { n: value, l2 };
  return l2;
};

const keys = Array.from({ length: spec.keys }, (_, i) => `k${i}`);
for (const key of keys) await write(key);
const outage = new Promise((resolve) => client.on('degrade', resolve));
setInterval(() => undefined, 1000);
process.stdout.write('warm\n');
await outage;

let refused = 0;
for (let turn = 0; refused < spec.refusals; turn++) {
  if ((await write(keys[turn % (keys.length - spec.untouched)])) === 'none') refused++;
}
for (const key of keys.slice(0, 5)) {
  await client.delete(key);
  told[key] = { n: null, l2: 'deleted' };
}
process.stdout.write(`full ${JSON.stringify(told)}\n`);
