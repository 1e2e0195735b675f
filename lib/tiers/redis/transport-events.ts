/** Turns what a transport reports into the events that a monitor knows. */
import type { ConnectionMonitor } from './connection-monitor.js';
import { failureOf } from './redis-errors.js';
import type { TransportListener } from './redis-transport.js';

/** Makes the listener of a transport. @param onOther called where the other side may have lost writes, before the monitor is told */
export function listenFor(monitor: ConnectionMonitor, onOther: () => void): TransportListener {
  return {
    onReady: (isOther) => {
      if (isOther) onOther();
      monitor.onEvent({ type: 'ready' });
    },
    onClosed: () => {
      monitor.onEvent({ type: 'closed' });
    },
    onError: (error) => {
      monitor.onEvent({ type: 'error', failure: failureOf(error) });
    },
    onMisplaced: (failure) => {
      monitor.onEvent({ type: 'refused', failure, subject: 'database' });
    },
  };
}
