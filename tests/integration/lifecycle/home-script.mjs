// A process with a folder for its logs, in one of several roles. Arguments: the role, the folder of all processes, this
// process's id, the name of a log.
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { systemClock } from '../../../dist/base/clock.js';
import { LogHome } from '../../../dist/recovery/log-home.js';
import { nodeDisk } from '../../../dist/recovery/node-disk.js';

const [role, dir, processId, logName] = process.argv.slice(2);
const open = (below = dir, id = processId) =>
  LogHome.open({ dir: below, processId: id, disk: nodeDisk, clock: systemClock, onWatcherGone: () => undefined });
const adoptInto = async (home) => {
  const { folders, unreadable } = await home.adopt([logName]);
  return { folders: folders.get(logName) ?? [], unreadable };
};
const stayAlive = () => setInterval(() => undefined, 60_000);

const ROLES = {
  /** Has a log. */
  async owner() {
    const home = await open();
    await mkdir(home.folderOf(logName));
    await writeFile(join(home.folderOf(logName), 'content'), processId);
    console.log('ready');
    stayAlive();
  },
  /** Takes over what is there, and stays. */
  async adopter() {
    const home = await open();
    const { folders } = await adoptInto(home);
    console.log(`adopted ${folders.length}`);
    stayAlive();
  },
  /** Once for every folder `<dir>/<round>`, as soon as the file `<dir>/go-<round>` is there: starts and takes over. */
  async racer() {
    const homes = [];
    for (let round = 0; existsSync(join(dir, String(round))); round++) {
      console.log(`ready ${round}`);
      while (!existsSync(join(dir, `go-${round}`))) await nextTurn();
      const home = await open(join(dir, String(round)), `${processId}-${round}`);
      homes.push(home);
      const { folders, unreadable } = await adoptInto(home);
      for (const folder of folders) console.log(`${round} ${folder.split('.from-')[1]}`);
      for (const { error } of unreadable) console.log(`${round} unreadable ${error.message}`);
    }
    console.log('done');
    stayAlive();
  },
  /** Does nothing but have a folder. */
  async holder() {
    await open();
    console.log('open');
  },
};

await ROLES[role]();
