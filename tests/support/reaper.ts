/**
 * No child outlives the tests, however they end: beside each child runs a shell that waits for the end of its input. The
 * input is a pipe held by this process, so it ends when this process does, even by `kill -9`; the shell then kills the child.
 */
import { spawn, type ChildProcess } from 'node:child_process';

// $1: the child; $2: a folder to remove with it, or empty.
const SCRIPT = 'read -r line; if [ "$line" != done ]; then kill -9 "$1" 2>/dev/null; [ -n "$2" ] && rm -rf "$2"; fi; exit 0';

/** Makes `child` die with this process; `folder` is then removed too. Does not keep this process alive. */
export function reapWithParent(child: ChildProcess, folder = ''): void {
  if (child.pid === undefined) return;
  // A session of its own: Ctrl-C reaches the whole group of the terminal, and the shell has to survive it.
  const reaper = spawn('sh', ['-c', SCRIPT, 'reaper', String(child.pid), folder], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  reaper.on('error', () => undefined);
  reaper.stdin.on('error', () => undefined);
  reaper.unref();
  (reaper.stdin as unknown as { unref(): void }).unref();
  child.once('exit', () => {
    reaper.stdin.end('done\n');
  });
}
