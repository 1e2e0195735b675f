/** Runs one suite in a process of its own, so that no suite inherits another one's compiled code or garbage. */
const { file, context } = JSON.parse(process.argv[2]);
const { run } = await import(file);
process.send(await run(context));
process.disconnect();
