/**
 * What a redis-server is asked, read with `MONITOR` over a bare socket. ioredis enters its monitor mode a moment after `+OK` was
 * read, so a line that arrives in one piece with `+OK` breaks its connection: on a busy server that happens.
 */
import { createConnection } from 'node:net';

/** @param args all arguments after the name, escaped as Redis prints them */
export type CommandListener = (name: string, args: readonly string[]) => void;

/**
 * Reports every command that a server without a password executes from now on, those that scripts call included, in order.
 * Resolves once the server has begun to report, to a function that ends it.
 */
export async function watchCommands(port: number, listener: CommandListener): Promise<() => void> {
  const socket = createConnection(port, '127.0.0.1');
  // Redis escapes all bytes of arguments that are not printable ASCII.
  socket.setEncoding('latin1');
  await new Promise<void>((resolve, reject) => {
    let rest = '';
    let isWatching = false;
    const read = (line: string): void => {
      if (isWatching) report(line, listener);
      else if (line === '+OK') resolve();
      else reject(new Error(`MONITOR was answered with: ${line}`));
      isWatching = true;
    };
    socket.on('error', reject);
    socket.on('close', () => {
      reject(new Error('The server closed the connection'));
    });
    socket.on('data', (text: string) => {
      const lines = (rest + text).split('\r\n');
      rest = lines.pop() ?? '';
      lines.forEach(read);
    });
    socket.write('MONITOR\r\n');
  });
  return () => socket.destroy();
}

/** Reads a line such as `+1700000000.000001 [0 127.0.0.1:5000] "set" "k" "a \"quoted\" value"`. */
function report(line: string, listener: CommandListener): void {
  const [name = '', ...args] = [...line.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, text = '']) => text);
  listener(name.toLowerCase(), args);
}
