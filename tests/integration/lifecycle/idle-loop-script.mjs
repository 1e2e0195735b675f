// A process in which nothing happens but one thing: what is to happen at the end of a turn must not wait for something else.
import { createServer } from 'node:net';
import { CoarseClock } from '../../../dist/base/coarse-clock.js';
import { systemClock } from '../../../dist/base/clock.js';
import { Deadline } from '../../../dist/base/deadline.js';

const [what] = process.argv.slice(2);
const clock = new CoarseClock(systemClock);
const server = createServer((socket) => {
  console.log(clock.spend() ? 'in a burst' : 'no burst');
  socket.destroy();
  server.close();
}).listen(0, '127.0.0.1', () => {
  // The server keeps the process alive, and is all there is.
  if (what === 'deadline') new Deadline(systemClock, 100, () => server.close());
  else {
    // At the very end of a turn: only the next one can end the burst.
    setImmediate(() => {
      while (!clock.spend()) clock.readMs();
      console.log(`port ${server.address().port}`);
    });
  }
});
