/** Runs Node scripts in processes of their own, with a deadline: for what only a whole process can show. */
import { spawn } from 'node:child_process';
import { reapWithParent } from './reaper.js';
import { until } from './until.js';

/** Options of {@link startScript}. */
export interface ScriptOptions {
  readonly args?: readonly string[];
  /** Added to the environment of this process. A value of `undefined` removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Working directory; absent: this process's. */
  readonly cwd?: string;
  /** Arguments for node itself, before the script. */
  readonly nodeArgs?: readonly string[];
  /** After so many milliseconds the process is killed; absent: 20,000. */
  readonly deadlineMs?: number;
}

/** How a script ended. */
export interface ScriptResult {
  /** The exit code; `null` when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Whether it had to be killed at its deadline. */
  readonly timedOut: boolean;
}

/** A script that runs. */
export interface RunningScript {
  readonly pid: number;
  /** Resolves when the process has ended and its output is read. */
  readonly done: Promise<ScriptResult>;
  stdout(): string;
  stderr(): string;
  /** Sends a signal; absent: SIGKILL. */
  kill(signal?: NodeJS.Signals): void;
  /** Resolves once standard output holds `text`. */
  printed(text: string, timeoutMs?: number): Promise<void>;
}

/** Starts a script and returns at once. */
export function startScript(file: string, options: ScriptOptions = {}): RunningScript {
  const { args = [], env = {}, nodeArgs = [], deadlineMs = 20_000, cwd } = options;
  // NODE_OPTIONS holds jest's own flags: a script runs as a user would run it.
  const child = spawn(process.execPath, [...nodeArgs, file, ...args], {
    env: { ...process.env, NODE_OPTIONS: undefined, ...env },
    ...(cwd === undefined ? {} : { cwd }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  reapWithParent(child);
  let stdout = '';
  let stderr = '';
  let timedOut = false;
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const deadline = setTimeout(() => {
    timedOut = true;
    child.kill('SIGKILL');
  }, deadlineMs);
  const done = new Promise<ScriptResult>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(deadline);
      resolve({ code, signal, stdout, stderr, timedOut });
    });
  });
  return {
    pid: child.pid ?? -1,
    done,
    stdout: () => stdout,
    stderr: () => stderr,
    kill: (signal = 'SIGKILL') => {
      child.kill(signal);
    },
    printed: async (text, timeoutMs = 10_000) => {
      const describe = (): string => `"${text}" on standard output; it has\n${stdout}\nand the errors\n${stderr}`;
      await until(() => stdout.includes(text), { timeoutMs, describe });
    },
  };
}

/** Runs a script to its end. */
export function spawnScript(file: string, options: ScriptOptions = {}): Promise<ScriptResult> {
  return startScript(file, options).done;
}
