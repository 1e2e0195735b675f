// Makes the calls that the parent of this process asks for (`called-process.ts`) and answers with what they resolve to, or with the
// code, or else the text, of what they reject with. `close` comes last: the process then ends, unless something is left in it.

/** Serves functions by their names; their arguments are the parent's. */
export function serveCalls(calls) {
  process.on('message', ({ id, name, args }) => {
    Promise.resolve()
      .then(() => calls[name](...args))
      .then(
        (answer) => process.send({ id, answer }),
        (error) => process.send({ id, error: String(error?.code ?? error?.stack ?? error) }),
      )
      .finally(() => {
        if (name === 'close') setImmediate(() => process.disconnect());
      });
  });
  process.send({ id: 0 });
}
