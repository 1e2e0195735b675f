/**
 * The text of an error reply, made fit to be shown (G11). Servers, and proxies in front of them, may repeat the command they refuse,
 * and its arguments are passwords and values. So the text ends where an echo begins, quoted words are shown only if they are names
 * of commands that we send, and known secrets are masked. Called on the path of errors only.
 */
import { maskKnownSecrets } from '../../base/known-secrets.js';
import { redactSecrets } from '../../base/redact-secrets.js';

/** A server's reason is one clause; what follows repeats something. */
const MAX_LENGTH = 200;

/** Words in quotes that say something: what we send, and what Redis's own refusals of it name. */
const SHOWN_WORDS: ReadonlySet<string> = new Set(
  (
    'auth hello select client client|setname client|info client|list client|kill setname quit ping time info config config|get ' +
    'get mget set getrange eval evalsha script scan unlink del exists pexpire hmget hget hset hdel hlen hscan dbsize ' +
    'xadd xread xrange xrevrange xinfo xinfo|stream publish subscribe unsubscribe spublish ssubscribe ' +
    'sentinel sentinel|get-master-addr-by-name sentinel|sentinels get-master-addr-by-name sentinels ' +
    'cluster cluster|slots cluster|shards cluster|info cluster|nodes slots shards readonly asking role maxmemory'
  ).split(' '),
);

/** In one of three kinds of quotes; an apostrophe inside a word is none. The last one may have lost its end. */
const QUOTED = /(?<![\p{L}\p{N}])(['"`])((?:(?!\1).)*)(\1|$)/gu;
/** Where a command's arguments begin: as Redis announces them; one of our entries; JSON; bytes that are no text. */

const ECHO = /[,;:]? *(?:with args beginning with|OX1[0-9a-f]{8}|[{[]+\\*"|\\x[0-9a-f]{2}|[\x00-\x1f\x7f-\x9f\ufffd])/;
/** What cannot be told from the server's own words: the syntax of commands, numbers, hashes of scripts. */
const NO_ECHO = /^(?:[A-Z]{1,12}|[0-9]{1,6}|[0-9a-f]{40}|oxcache)$/;
/** Longer than the hash of a script. */
const MAX_COMPARED = 64;
/** How much of an argument is looked for, up to the first character that may be escaped. */
const ARGUMENT_START = /^[^\\"'`%\s\x7f-\uffff]{4,24}/;

/** Arguments of a command, as ioredis has them. */
export type SentArguments = readonly unknown[];

/** Returns one line without arguments, values and credentials, and without a full stop at its end. @param sent the arguments of the command, if known */
export function describeReply(text: string, sent: SentArguments = []): string {
  // First, because a secret that was cut would not be found any more.
  const masked = maskKnownSecrets(text);
  const end = Math.min(endOf(masked, sent), ECHO.exec(masked)?.index ?? masked.length);
  const shown = redactSecrets(masked.slice(0, end)).replace(QUOTED, (quoted, mark: string, word: string) =>
    SHOWN_WORDS.has(word.toLowerCase()) ? quoted : `${mark}***${mark}`,
  );
  return (shown.length > MAX_LENGTH ? `${shown.slice(0, MAX_LENGTH)}…` : shown).replace(/[.\s]+$/, '');
}

/** The arguments of the command that an error of ioredis is about; empty when it is about none. */
export function argumentsOf(error: Error): SentArguments {
  const { command } = error as { readonly command?: { readonly args?: unknown } };
  return Array.isArray(command?.args) ? command.args : [];
}

/** Where the first of the arguments begins in a text. */
function endOf(text: string, sent: SentArguments): number {
  let end = text.length;
  for (const argument of sent) {
    const head = startOf(argument);
    const start = NO_ECHO.test(head) ? undefined : ARGUMENT_START.exec(head)?.[0];
    if (start === undefined) continue;
    const at = text.indexOf(start);
    if (at !== -1 && at < end) end = at;
  }
  return end;
}

function startOf(argument: unknown): string {
  if (typeof argument === 'string') return argument.slice(0, MAX_COMPARED);
  return Buffer.isBuffer(argument) ? argument.toString('latin1', 0, MAX_COMPARED) : '';
}
