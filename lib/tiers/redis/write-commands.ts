/** Which of our commands a server that takes no writes holds back or refuses: scripts may write, and a message is a write to its replicas. */
const WRITES: ReadonlySet<string> = new Set(['evalsha', 'eval', 'unlink', 'xadd', 'publish']);

/** Whether a command, named in small letters, counts as a write. */
export function isWriteCommand(name: string): boolean {
  return WRITES.has(name);
}
