/** The other end of companions.mjs: carries out what it is asked for, one function after the other or at the same time. */
const functions = await import(process.argv[2]);

process.on('message', async ({ id, name, args }) => {
  let answer;
  try {
    answer = { id, result: await functions[name](...args) };
  } catch (error) {
    answer = { id, failure: error.stack };
  }
  if (process.connected) process.send(answer);
});

// The suite is done, or is no more.
process.once('disconnect', async () => {
  await functions.close?.();
  process.exit();
});
