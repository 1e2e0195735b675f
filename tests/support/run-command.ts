/** Runs a program to its end, for tests of the package: npm, tsc and the like. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** The root folder of the project. */
export const PROJECT_ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Options of {@link runCommand}. */
export interface CommandOptions {
  /** Working directory; absent: the root of the project. */
  readonly cwd?: string;
  /** After so many milliseconds the program is killed; absent: 120,000. */
  readonly deadlineMs?: number;
}

/**
 * Resolves to what the program printed on standard output.
 *
 * @throws {Error} with everything it printed, when it does not end with exit code 0
 */
export async function runCommand(command: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const { cwd = PROJECT_ROOT, deadlineMs = 120_000 } = options;
  try {
    const env = { ...process.env, NODE_OPTIONS: undefined, NO_COLOR: '1', FORCE_COLOR: undefined };
    const { stdout } = await execute(command, args, { cwd, env, timeout: deadlineMs, maxBuffer: 64 * 1024 * 1024 });
    return stdout;
  } catch (error) {
    const { stdout, stderr, message } = error as Error & { stdout: string; stderr: string };
    throw new Error(`${message}\n${stdout}\n${stderr}`, { cause: error });
  }
}

/** Runs a script of a development dependency, given its path below node_modules. */
export function runTool(path: string, args: readonly string[], options?: CommandOptions): Promise<string> {
  return runCommand(process.execPath, [`${PROJECT_ROOT}/node_modules/${path}`, ...args], options);
}
