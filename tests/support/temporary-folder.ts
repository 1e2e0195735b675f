/** A folder for each test, removed at the end of the file: where the test's managers keep their logs, so that no test adopts another one's. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach } from '@jest/globals';

/** The folder of the test that runs. */
export interface TemporaryFolder {
  /** Absolute, and short: a Unix socket has to fit in below it. */
  readonly path: string;
}

/** Gives each test of a file its folder. */
export function useTemporaryFolder(): TemporaryFolder {
  let root: string | undefined;
  let tests = 0;
  beforeEach(() => {
    tests++;
  });
  // Not after each test: what a test left open is closed by hooks that may run later than one registered here.
  afterAll(() => {
    if (root !== undefined) rmSync(root, { recursive: true, force: true });
  });
  return {
    get path() {
      root ??= mkdtempSync(join(tmpdir(), 'ox-test-'));
      const path = join(root, String(tests));
      mkdirSync(path, { recursive: true });
      return path;
    },
  };
}
