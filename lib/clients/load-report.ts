/** What is counted and told of the call of a loader, for each key it was called for. */
import type { ServiceCore } from './service-core.js';

/** Counts and reports the end of a loader; `failure` holds what it threw, which may be anything, also `undefined`. */
export function reportLoad(
  core: ServiceCore,
  key: string,
  startedMs: number,
  isBackground: boolean,
  failure?: { readonly error: unknown },
): void {
  const { counters, events, clock } = core.parts;
  counters.loads++;
  if (failure !== undefined) counters.loadErrors++;
  if (!events.hears('load')) return;
  events.emit('load', {
    service: core.name,
    key,
    durationMs: clock.nowMs() - startedMs,
    background: isBackground,
    ...failure,
  });
}
