/** A home for tests that are about one log. */
import { LogHome, type HomeParts, type UnreadableFolder } from '../../../lib/recovery/log-home.js';

/** Opens a home that watches nobody. */
export function openHome(parts: Omit<HomeParts, 'onWatcherGone'>): Promise<LogHome> {
  return LogHome.open({ ...parts, onWatcherGone: () => undefined });
}

/** Claims the logs called `logName`. */
export async function adoptInto(
  home: LogHome,
  logName: string,
): Promise<{ readonly folders: readonly string[]; readonly unreadable: readonly UnreadableFolder[] }> {
  const { folders, unreadable } = await home.adopt([logName]);
  return { folders: folders.get(logName) ?? [], unreadable };
}
