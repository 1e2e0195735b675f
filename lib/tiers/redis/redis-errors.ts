/**
 * The only reader of ioredis's and Redis's errors. It turns them into `CacheError`s without the command they came from:
 * ioredis attaches the arguments, and those are users' values (G11). What a failure means for the use of Redis, and what
 * to do about it, is said here too: see {@link failureOf} and {@link classifyRefusal}.
 */
import { types } from 'node:util';
import { CacheError } from '../../base/errors.js';
import { redactSecrets } from '../../base/redact-secrets.js';
import { argumentsOf, describeReply, type SentArguments } from './server-text.js';

/**
 * What a refusal means: `outage`, it passes, and until then nothing is asked of this Redis; `permanent`, a person has to do
 * something; `writes`, it takes no writes, and reads go on; `full`, there is no room for new values and everything else goes on.
 */
export type FailureClass = 'outage' | 'permanent' | 'writes' | 'full';

/** First words of the refusals that say something about the whole server or our right to use it. */
export type RefusalCode =
  | 'READONLY'
  | 'LOADING'
  | 'MASTERDOWN'
  | 'CLUSTERDOWN'
  | 'MISCONF'
  | 'NOREPLICAS'
  | 'TRYAGAIN'
  | 'BUSY'
  | 'NOAUTH'
  | 'WRONGPASS'
  | 'NOPERM'
  | 'UNSUPPORTED'
  | 'OOM';

/**
 * The kind of a failure: a refusal by its code, or `UNREACHABLE`, `TLS`, `FAILING` (too many commands fail), `DATABASE` (the
 * configured one is not the one in use), `MAXCLIENTS`, `OTHER`.
 */
export type FailureCode = RefusalCode | 'PAUSED' | 'UNREACHABLE' | 'TLS' | 'FAILING' | 'DATABASE' | 'MAXCLIENTS' | 'OTHER';

/** Why Redis can't be used, or what it refused. */
export interface Failure {
  readonly code: FailureCode;
  /** One line for people; without credentials, arguments and values. */
  readonly reason: string;
}

/** Why a connection can't be used, found by ourselves: while it was made, or by a look at what is at its other end. */
export class ConnectFailure extends Error {
  override readonly name = 'ConnectFailure';
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.reason);
    this.failure = failure;
  }
}

const MEANINGS: Readonly<Record<FailureCode, readonly [FailureClass, advice: string]>> = {
  UNREACHABLE: ['outage', 'Check that it runs and can be reached from here; it is tried again until it answers.'],
  FAILING: ['outage', 'It answers, but too few commands succeed: look for slow commands, a full network or an overloaded host.'],
  READONLY: ['outage', 'It is a replica: point l2 at the primary, or wait for the end of the failover.'],
  LOADING: ['outage', 'It is loading its data from disk and will be used once it has done so.'],
  MASTERDOWN: ['outage', 'It is a replica that has lost its primary: restore the link, or promote it.'],
  CLUSTERDOWN: ['outage', 'The cluster does not serve all slots: see CLUSTER INFO for what is missing.'],
  PAUSED: ['writes', 'It holds writes back, as before a failover (CLIENT PAUSE), or is too slow for them.'],
  MISCONF: ['writes', 'It cannot save to disk: see its log; the disk may be full or not writable.'],
  NOREPLICAS: ['writes', 'Fewer replicas are connected than min-replicas-to-write demands: bring them back, or lower it.'],
  TRYAGAIN: ['outage', 'A slot is being moved between nodes; it is tried again until that is over.'],
  BUSY: ['outage', 'Somebody else’s script keeps it from answering: wait for it, or end it with SCRIPT KILL.'],
  NOAUTH: ['permanent', 'It wants a password: set l2.password (and l2.username).'],
  WRONGPASS: ['permanent', 'It does not accept this login: correct l2.username and l2.password, or the user at the server.'],
  NOPERM: ['permanent', 'The user lacks a right: grant the commands the documentation lists, on the keys below key_prefix.'],
  UNSUPPORTED: [
    'permanent',
    'It lacks a command, or its provider renamed or forbade it: docs/operations.md lists what is needed, from Redis 6.2 on. ' +
      'With sync.transport = "pubsub" no stream command is.',
  ],
  TLS: ['permanent', 'The secure connection failed: check l2.tls, the certificates and the connection string.'],
  DATABASE: [
    'permanent',
    'Nothing is sent: correct l2.db or the number in the address, raise `databases` there, or grant `select`.',
  ],
  MAXCLIENTS: ['outage', 'It has as many clients as it accepts: raise maxclients, or find out who keeps connections open.'],
  OOM: ['full', 'Its memory is full: raise maxmemory, or set a maxmemory-policy that evicts. Reads and deletions go on.'],
  OTHER: ['outage', 'It is tried again until it answers as it should.'],
};

/** Refusals that concern writes only: whoever asks the time on such a server gets an answer. */
const OF_WRITES: ReadonlySet<FailureCode> = new Set<FailureCode>(['READONLY', 'PAUSED', 'MISCONF', 'NOREPLICAS']);

const REFUSAL =
  /(?:^|[-: ])(READONLY|LOADING|MASTERDOWN|CLUSTERDOWN|MISCONF|NOREPLICAS|TRYAGAIN|BUSY|NOAUTH|WRONGPASS|NOPERM|OOM) /;
/** How Redis words NOPERM for a command inside a script. */
const DENIED_IN_SCRIPT = /ACL failure in script|can't run this command/;
/**
 * How servers, and the proxies of providers, word that they do not have a command, or not in this form. Our commands never
 * change, so a syntax error says the same.
 */
const NOT_THERE =
  /unknown (?:redis )?(?:sub)?command|command (?:'\S+' )?(?:is |was )?(?:not |un)(?:available|supported|support)|syntax error|wrong number of arg/i;
/** Where in which script: of no use to people. */
const SCRIPT_PLACE = /,? *(?:script: [0-9a-f]{40}, on )?@?user_script:\s?\d+[.:]?/g;

/** How ioredis begins when none of them named a primary; what the last one said stands at the end. */
const SENTINELS = /^All sentinels are unreachable/;

/** What ioredis says of a node it asked for the slots, in words that tell more. */
const LOOKUP_FAILURES: ReadonlyMap<string, string> = new Map([
  ['Connection is closed.', 'no connection could be made'],
  ['timeout', 'no answer in time'],
]);

/** What a refusal (or another failure) of this kind means. */
export function classifyRefusal(code: FailureCode): FailureClass {
  return MEANINGS[code][0];
}

/** What to do about a failure of this kind, in one or two sentences. */
export function adviceFor(code: FailureCode): string {
  return MEANINGS[code][1];
}

/** Whether some commands are refused for good, while the others go on. */
export function isDenial(code: FailureCode): boolean {
  return code === 'NOPERM' || code === 'UNSUPPORTED';
}

/** Whether a denial says that it is of this command. */
export function isDenialOf({ code, reason }: Failure, command: string): boolean {
  return isDenial(code) && new RegExp(`\\b${command}\\b`, 'i').test(reason);
}

/**
 * A denial that names the command: what Redis says of one inside a script often does not.
 *
 * @param inScript the commands of the script that was run, if one was
 */
export function nameDenied(failure: Failure, name: string, inScript: readonly string[] = []): Failure {
  const { code, reason } = failure;
  if (!isDenial(code) || [name, ...inScript].some((each) => isDenialOf(failure, each))) return failure;
  return { code, reason: `${reason} (${inScript.length === 0 ? name.toUpperCase() : `one of ${inScript.join(', ')}`})` };
}

/** Whether a server that refuses with this code may still answer everything but writes. */
export function concernsWrites(code: FailureCode): boolean {
  return OF_WRITES.has(code);
}

/**
 * The refusal in the text of an error reply; `undefined` when it says nothing about the server. Where a script was running,
 * older servers put words of their own before the code.
 *
 * @param sent the arguments of the command that was refused, which the server may have repeated
 */
export function refusalIn(text: string, sent?: SentArguments): Failure | undefined {
  const reason = describeReply(text, sent);
  const code =
    REFUSAL.exec(reason)?.[1] ?? (DENIED_IN_SCRIPT.test(reason) ? 'NOPERM' : NOT_THERE.test(reason) ? 'UNSUPPORTED' : undefined);
  return code === undefined ? undefined : { code: code as RefusalCode, reason: reason.replace(SCRIPT_PLACE, '') };
}

/** What kind of failure an error is, for deciding on the use of Redis. */
export function failureOf(error: unknown): Failure {
  const reason = describeFailure(error);
  if (!isError(error)) return { code: 'OTHER', reason };
  if (error instanceof ConnectFailure) return error.failure;
  if (error.name === 'ReplyError') return refusalIn(error.message, argumentsOf(error)) ?? { code: 'OTHER', reason };
  const cause = causeOf(error);
  if (cause !== undefined) return { code: failureOf(cause).code, reason };
  const said = SENTINELS.test(error.message) ? refusalIn(lastSaid(error.message)) : undefined;
  if (said !== undefined) return { code: said.code, reason };
  const code = String((error as { code?: unknown }).code);
  return { code: /TLS|SSL|CERT|SELF_SIGNED|UNABLE_TO_/.test(code) ? 'TLS' : 'UNREACHABLE', reason };
}

/** Why the last node of a cluster could not be asked for the slots, where an error is about that. */
function causeOf(error: Error): Error | undefined {
  const { lastNodeError } = error as { lastNodeError?: unknown };
  return isError(lastNodeError) ? lastNodeError : undefined;
}

/** What the last sentinel said; empty when it said nothing. */
function lastSaid(message: string): string {
  return /Last error: (.+)$/s.exec(message)?.[1] ?? '';
}

/** Whether Redis itself answered with an error. */
export function isReplyError(error: unknown): error is Error {
  return isError(error) && error.name === 'ReplyError';
}

/** The first word of a Redis error reply (`NOSCRIPT`, `WRONGTYPE`, `OOM`, …); empty for other errors. */
export function replyCode(error: unknown): string {
  if (!isReplyError(error)) return '';
  return /^[A-Z]+/.exec(error.message)?.[0] ?? '';
}

/** One line about a failure, fit for a log and for the middle of a sentence: no arguments, no credentials, no full stop at its end. */
export function describeFailure(error: unknown): string {
  if (!isError(error)) return 'unknown failure';
  if (error.name === 'ReplyError') return describeReply(error.message, argumentsOf(error));
  // ioredis speaks of its options here, which are none of ours.
  if (error.name === 'MaxRetriesPerRequestError') return 'the connection was lost before the answer';
  if (error.message.startsWith("Stream isn't writeable")) return 'the connection is about to end';
  const cause = causeOf(error);
  if (cause !== undefined)
    return `no node says who has which slots: ${LOOKUP_FAILURES.get(cause.message) ?? describeFailure(cause)}`;
  if (SENTINELS.test(error.message)) {
    const said = lastSaid(error.message);
    return `no sentinel says where the primary is${said === '' ? '' : `: ${describeReply(said)}`}`;
  }
  const code = (error as { code?: unknown }).code;
  // An AggregateError of a refused connection has no message of its own, only a code.
  const text = error.message === '' && typeof code === 'string' ? code : error.message;
  // Masked first: a secret of several lines would not be found in its first one.
  const [line = ''] = redactSecrets(text).split('\n', 1);
  return line.replace(/[.\s]+$/, '');
}

/** The error callers see when Redis refused a command or the connection failed. */
export function unavailable(error: unknown): CacheError {
  if (error instanceof CacheError) return error;
  const reason = describeFailure(error);
  return new CacheError('CACHE_L2_UNAVAILABLE', `Redis could not be used: ${reason}`, { cause: new Error(reason) });
}

/** The error callers see when a command's deadline passed. */
export function timedOut(timeoutMs: number): CacheError {
  return new CacheError('CACHE_L2_TIMEOUT', `Redis did not answer within ${timeoutMs} ms (l2.command_timeout_ms)`);
}

/** Whether it is an error of any realm: a socket's is Node's own, also where the library runs in a `vm` context, as under jest. */
export function isError(value: unknown): value is Error {
  return types.isNativeError(value);
}
