/** Bytes an L1 entry takes beyond its key and value at a million entries, next to lru-cache with its `ttl`. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const ENTRIES = '1000000';
const OURS = ['L1 s3fifo', 'L1 s3fifo, tti'];
const REFERENCE = 'lru-cache, ttl';

export function run() {
  const reference = measure(REFERENCE);
  return OURS.flatMap((name) => {
    const bytes = measure(name);
    const goal = name === OURS[0] ? ['<=', 1] : undefined;
    const note = `${bytes.full.toFixed(0)} bytes; lru-cache ${reference.full.toFixed(0)}`;
    const churnedNote = `${bytes.churned.toFixed(0)} bytes; lru-cache ${reference.churned.toFixed(0)}`;
    return [
      { figure: `bytes per entry, ${name} / lru-cache ttl`, goal, measured: bytes.full / reference.full, note },
      { figure: `after as many evictions, ${name}`, measured: bytes.churned / reference.churned, note: churnedNote },
    ];
  });
}

/** One candidate of l1/memory.mjs, in a process of its own. */
function measure(name) {
  const script = fileURLToPath(new URL('../l1/memory.mjs', import.meta.url));
  const line = execFileSync(process.execPath, ['--expose-gc', '--max-old-space-size=4096', script, name, ENTRIES], {
    encoding: 'utf8',
  });
  const numbers = / ([\d.]+) +churned +([\d.]+)\s*$/.exec(line);
  if (numbers === null) throw new Error(`unexpected output of l1/memory.mjs: ${line}`);
  return { full: Number(numbers[1]), churned: Number(numbers[2]) };
}
