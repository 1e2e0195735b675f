/** Type tests of `closeOnSignals`. */
import { closeOnSignals, type CacheManager, type CloseOnSignalsOptions } from '../../lib/index.js';
import { type Equal, expectTrue } from './equal.js';

/** All options may be left out; what comes back removes the handlers. */
export function options(manager: CacheManager): void {
  expectTrue<Equal<ReturnType<typeof closeOnSignals>, () => void>>();
  expectTrue<Equal<Parameters<typeof closeOnSignals>[0], CloseOnSignalsOptions | undefined>>();
  closeOnSignals();
  closeOnSignals({ signals: ['SIGTERM'], deadline: '3s', manager })();
  closeOnSignals({ deadline: 3 });
  closeOnSignals({ before: () => Promise.resolve('whatever'), after: () => undefined });
  // @ts-expect-error not a function
  closeOnSignals({ before: Promise.resolve() });
  // @ts-expect-error no such signal
  closeOnSignals({ signals: ['SIGHELP'] });
  // @ts-expect-error a list, also of one
  closeOnSignals({ signals: 'SIGTERM' });
  // @ts-expect-error no such option
  closeOnSignals({ timeout: 3 });
  // @ts-expect-error not a manager
  closeOnSignals({ manager: {} });
}
