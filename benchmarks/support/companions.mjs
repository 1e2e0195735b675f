/**
 * Processes beside the suite's own, for what only shows between processes. Each imports one module and carries out the
 * functions that the module exports, when it is asked to; see companion-process.mjs.
 */
import { fork } from 'node:child_process';

const STOP_DEADLINE_MS = 5000;

/** Starts `count` processes that carry out the functions of `file` (a URL); each is known by its number. */
export function startCompanions(file, count) {
  return Array.from({ length: count }, () => new Companion(file));
}

/** Asks all for the same, at once; the answers are in their order. */
export function askAll(companions, name, ...args) {
  return Promise.all(companions.map((companion, number) => companion.ask(name, ...args, number)));
}

/** One process. */
class Companion {
  #child;
  #waiting = new Map();
  #asked = 0;
  #ended;

  constructor(file) {
    this.#child = fork(new URL('companion-process.mjs', import.meta.url), [file.href], { execArgv: process.execArgv });
    this.#child.on('message', ({ id, result, failure }) => {
      const { resolve, reject } = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (failure === undefined) resolve(result);
      else reject(new Error(failure));
    });
    this.#ended = new Promise((resolve) => this.#child.once('exit', resolve));
    void this.#ended.then((code) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`a companion ended with code ${code}`));
    });
  }

  /** Calls an exported function there; arguments and result have to be JSON. */
  ask(name, ...args) {
    return new Promise((resolve, reject) => {
      const id = ++this.#asked;
      this.#waiting.set(id, { resolve, reject });
      this.#child.send({ id, name, args }, (error) => error && reject(error));
    });
  }

  /** Lets it end, and sees to it that it does. */
  async stop() {
    if (this.#child.connected) this.#child.disconnect();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_DEADLINE_MS);
    await this.#ended;
    clearTimeout(timer);
  }
}
