/**
 * The names of the folders that logs are in. `<service>-<8 hex digits>` for a log where it was written, and with
 * `.from-<process id>` behind it where another process took it over. A name has no other dot and no capital, so the two
 * forms cannot be mistaken for each other, and names differ on file systems that do not tell capitals apart too.
 */
import { createHash } from 'node:crypto';

/** A log's folder, taken apart. */
export interface LogFolderName {
  /** What {@link logNameOf} made of the service, its prefix and its endpoint. */
  readonly logName: string;
  /** The process that wrote the log; absent where it is still the owner. */
  readonly writer?: string;
}

const HASH_DIGITS = 8;
const LOG_FOLDER = /^([a-z0-9_+=-]+-[0-9a-f]{8})(?:\.from-([A-Za-z0-9_-]{1,64}))?$/;
const PROCESS_ID = /^[A-Za-z0-9_-]{1,64}$/;

/** The service's name in the letters that every file system takes and tells apart; two services never have the same. */
function safeName(service: string): string {
  return service.replace(/[A-Z.]/g, (letter) => (letter === '.' ? '+' : `=${letter.toLowerCase()}`));
}

/**
 * The name of a service's log. Logs that belong in different places of Redis have different names.
 *
 * @param prefix what comes before the service in names of entries, that of a connection that was handed in included
 * @param endpoint what tells one Redis from another, without credentials
 */
export function logNameOf(service: string, prefix: string, endpoint: string): string {
  const identity = JSON.stringify([prefix, service, endpoint]);
  const hash = createHash('sha256').update(identity).digest('hex').slice(0, HASH_DIGITS);
  return `${safeName(service)}-${hash}`;
}

/** Takes the name of a log's folder apart; `undefined` when it is none. */
export function parseLogFolder(name: string): LogFolderName | undefined {
  const [, logName, writer] = LOG_FOLDER.exec(name) ?? [];
  if (logName === undefined) return undefined;
  return writer === undefined ? { logName } : { logName, writer };
}

/**
 * What a log's folder is called once another process has taken it over from `owner`: it keeps the name of its first writer
 * however often it changes hands, so it stays as long as it is and no two are the same.
 */
export function adoptedName({ logName, writer }: LogFolderName, owner: string): string {
  return `${logName}.from-${writer ?? owner}`;
}

/** What a log's name says of its service: two services never have the same. */
export function servicePartOf(logName: string): string {
  return logName.slice(0, -HASH_DIGITS - 1);
}

/** Whether a process's folder can have this name. */
export function isProcessId(name: string): boolean {
  return PROCESS_ID.test(name);
}
