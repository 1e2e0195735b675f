/**
 * Closes caches when the process is told to end, so that what was accepted is in Redis or in the log (G9), and then lets the
 * signal do what it would have done: the exit status stays the signal's. Nothing is installed unless this is called.
 */
import { constants } from 'node:os';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { atMost } from '../base/deadline.js';
import { systemClock } from '../base/clock.js';
import { misuse } from '../base/describe-value.js';
import { requireTtlMs, type Duration } from '../base/duration.js';
import { requireOptionNames } from '../base/option-names.js';
import { redactSecrets } from '../base/redact-secrets.js';
import { DEFAULT_DEADLINE_MS, type CacheManager } from './cache-manager.js';
import { onceRegistryClosed, shutdown } from './registry.js';

/** A step of the ending that is the application's own. */
type Hook = () => unknown;

/** Options of {@link closeOnSignals}. */
export interface CloseOnSignalsOptions {
  /** The signals that end the process; absent: `SIGTERM` and `SIGINT`. */
  readonly signals?: readonly NodeJS.Signals[];
  /**
   * Runs first, while the caches are fully open: stop taking requests here, and finish those under way. Waited for as long as
   * `deadline` allows.
   */
  readonly before?: Hook;
  /** Runs when the caches are closed, before the process ends. Waited for as long as `deadline` allows. */
  readonly after?: Hook;
  /** How long each of the steps may take: `before`, draining, `after`; absent: 5 s. The names of your own strategies are not known here. */
  readonly deadline?: Duration;
  /** The manager to close; absent: the process-wide one, as `shutdown` does. */
  readonly manager?: CacheManager;
}

const DEFAULT_SIGNALS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT'];
const OPTION_NAMES = ['signals', 'before', 'after', 'deadline', 'manager'];

/** The system lets no process handle these. */
const UNCATCHABLE = ['SIGKILL', 'SIGSTOP'];

/** Closing that takes so much longer than it was allowed is not waited for: the process was told to end. */
const GRACE_MS = 2000;

/** A signal ends a process at once. The first process of a container is spared where it does not handle the signal itself. */
const SPARED_AFTER_MS = 100;

/** Our handlers, to tell them from the application's: there may be several managers, each with handlers of its own. */
const ours = new Set<unknown>();

/**
 * Closes caches when the process is told to end, then lets the signal do what it does: without a handler of your own, the
 * process ends with the signal's status. If there are other handlers for the signal, they decide; this one only closes.
 * A second signal while the caches are being closed is not waited for. The handlers go when the manager is closed.
 *
 * @returns a function that removes the handlers before
 * @throws {TypeError} when an option is unknown or of the wrong type
 * @example
 * await init('config.toml');
 * closeOnSignals({ before: () => app.close(), deadline: '3s' });
 */
export function closeOnSignals(options: CloseOnSignalsOptions = {}): () => void {
  const { signals, deadlineMs, manager, before, after } = checkOptions(options);
  let ending: Promise<void> | undefined;

  const removeHandlers = (): void => {
    for (const signal of signals) process.off(signal, handle);
    ours.delete(handle);
  };

  const close = async (): Promise<void> => {
    const deadline = `${deadlineMs}ms`;
    await (manager === undefined ? shutdown({ deadline }) : manager.close({ deadline }));
  };

  const endInOrder = async (): Promise<void> => {
    if (before !== undefined) await runHook('before', before, deadlineMs);
    // That closing failed was reported where it failed, and is no reason to stay.
    await atMost(systemClock, deadlineMs + GRACE_MS, close()).catch(() => undefined);
    if (after !== undefined) await runHook('after', after, deadlineMs);
  };

  function handle(signal: NodeJS.Signals): void {
    // Asked now: a handler that is called once only is gone when the caches are closed, and what it began is not done then.
    const isOurs = process.listeners(signal).every((listener) => ours.has(listener));
    const end = (): void => {
      removeHandlers();
      if (isOurs && process.listenerCount(signal) === 0) endBy(signal);
    };
    if (ending === undefined) ending = endInOrder().then(end);
    else end();
  }

  ours.add(handle);
  // First of all handlers, so that it sees those that remove themselves when they are called.
  for (const signal of signals) process.prependListener(signal, handle);

  /** Handlers of a manager that was closed otherwise have nothing to do; those at work are still needed, for the second signal. */
  const removeIfIdle = (): void => {
    if (ending === undefined) removeHandlers();
  };
  let forget = (): void => undefined;
  if (manager === undefined) forget = onceRegistryClosed(removeIfIdle);
  // What only looks like a manager does not tell when it is closed.
  else (manager as Partial<CacheManager>).onceClosed?.(removeIfIdle);
  return () => {
    forget();
    removeHandlers();
  };
}

/** Runs a function of the user's for at most `ms`. That it failed is worth a warning, and no reason to stay. */
async function runHook(name: 'before' | 'after', hook: Hook, ms: number): Promise<void> {
  try {
    await atMost(systemClock, ms, Promise.resolve(hook()));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    process.emitWarning(`The function \`${name}\` of closeOnSignals failed: ${redactSecrets(reason)}`, {
      type: 'OxcacheWarning',
      code: 'OXCACHE_CLOSE_HOOK',
    });
    // It is printed in the next turn, which the end of the process must not forestall.
    await nextTurn();
  }
}

/** Raises a signal that nobody handles. */
function endBy(signal: NodeJS.Signals): void {
  process.kill(process.pid, signal);
  // Reached where the system spares us; the status is then what a shell makes of the signal.
  systemClock.schedule(() => process.exit(128 + constants.signals[signal]), SPARED_AFTER_MS, true);
}

interface CheckedOptions {
  readonly signals: ReadonlySet<NodeJS.Signals>;
  readonly deadlineMs: number;
  readonly manager: CacheManager | undefined;
  readonly before: Hook | undefined;
  readonly after: Hook | undefined;
}

function checkOptions(options: unknown): CheckedOptions {
  if (typeof options !== 'object' || options === null) throw misuse('options', 'an object', options);
  requireOptionNames(options, OPTION_NAMES);
  const { signals = DEFAULT_SIGNALS, deadline, manager, before, after } = options as CloseOnSignalsOptions;
  const list: unknown = signals;
  if (!Array.isArray(list) || list.length === 0) throw misuse('signals', 'a list of signals, such as ["SIGTERM"]', list);
  for (const signal of list as readonly unknown[]) {
    if (typeof signal !== 'string' || !Object.hasOwn(constants.signals, signal) || UNCATCHABLE.includes(signal)) {
      throw misuse('signals', 'a list of signals that a process can handle, such as ["SIGTERM", "SIGINT"]', signal);
    }
  }
  if (manager !== undefined && typeof (manager as { close?: unknown } | null)?.close !== 'function') {
    throw misuse('manager', 'what `createManager` or `init` resolved to', manager);
  }
  for (const [name, hook] of Object.entries({ before, after })) {
    if (hook !== undefined && typeof hook !== 'function') throw misuse(name, 'a function', hook);
  }
  const deadlineMs = deadline === undefined ? DEFAULT_DEADLINE_MS : requireTtlMs(deadline, 'deadline');
  return { signals: new Set(signals), deadlineMs, manager, before, after };
}
