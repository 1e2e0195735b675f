/**
 * A clock that a test steps under a running redis-server: `RedisServer.start({ clock })`. Linux only, and it needs a C compiler,
 * which the test command installs beside redis-server where it may; the library is compiled once for each state of its source.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SOURCE = fileURLToPath(new URL('./stepped-clock.c', import.meta.url));

/** See the file's header. One may serve several servers, whose clocks are then stepped together. */
export class SteppedClock {
  readonly #folder = mkdtempSync(join(tmpdir(), 'oxcache-clock-'));
  readonly #file = join(this.#folder, 'step');

  constructor() {
    this.step(0);
  }

  /** What a server's process needs in its environment. @throws {Error} with advice when there is no compiler */
  get env(): Readonly<Record<string, string>> {
    return { LD_PRELOAD: libraryOf(SOURCE), OXCACHE_STEP_FILE: this.#file };
  }

  /** From now on the server's clock is so many milliseconds ahead of this machine's; negative: behind. */
  step(aheadMs: number): void {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(aheadMs));
    // In place: the server has mapped the file.
    writeFileSync(this.#file, bytes, { flag: existsSync(this.#file) ? 'r+' : 'w' });
  }

  /** Removes its files; the servers that use it should have ended. */
  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function libraryOf(source: string): string {
  const hash = createHash('sha1').update(readFileSync(source)).digest('hex').slice(0, 16);
  const library = join(tmpdir(), `oxcache-stepped-clock-${hash}-${process.getuid?.() ?? 0}.so`);
  if (existsSync(library)) return library;
  const made = `${library}.${process.pid}`;
  const { status, stderr, error } = spawnSync('cc', ['-shared', '-fPIC', '-O1', '-o', made, source], { encoding: 'utf8' });
  if (status !== 0)
    throw new Error(
      `A test that steps the clock of a redis-server needs Linux and a C compiler (apt-get install gcc libc6-dev): ${stderr || String(error)}`,
    );
  // Test files run side by side: a library is there in full, or not at all.
  renameSync(made, library);
  return library;
}
