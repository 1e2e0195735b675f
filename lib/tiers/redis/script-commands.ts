/**
 * Which commands a script calls, by its hash and by its source: where Redis refuses one of them it often does not say which.
 * Filled as the scripts of the library are made.
 */

/** What is known of a script. */
interface KnownScript {
  readonly sha: string;
  readonly commands: readonly string[];
}

const known = new Map<string, KnownScript>();

/** Notes the commands in a script's source; returns them, in capitals. */
export function noteScript(sha: string, source: string): readonly string[] {
  const commands = [...new Set(Array.from(source.matchAll(/call\('([A-Z]+)'/g), ([, name]) => name as string))].sort();
  const script = { sha, commands };
  known.set(sha, script);
  known.set(source, script);
  return commands;
}

/** The commands that a command may run inside a script, from its first argument; `undefined` when it runs none of ours. */
export function commandsInScript(name: string, script: unknown): readonly string[] | undefined {
  return scriptOf(name, script)?.commands;
}

/** What tells a command from others when it is refused: its name, or the script that it runs. */
export function subjectOf(name: string, script: unknown): string {
  return scriptOf(name, script)?.sha ?? name;
}

function scriptOf(name: string, script: unknown): KnownScript | undefined {
  return (name === 'evalsha' || name === 'eval') && typeof script === 'string' ? known.get(script) : undefined;
}
