/**
 * What Redis is told to pass on to the other processes with a batch of writes: one message, and whether it goes to the
 * service's stream or is published. Within one script call where it can be, so that no write is applied without being told of.
 */
import { MESSAGE_FIELD, sealMessage, type TagVersion } from '../../codec/invalidation-message.js';
import type { KeySpace } from './key-space.js';
import type { RedisConnection } from './redis-connection.js';
import { replyCode, unavailable } from './redis-errors.js';
import { tagOfMark } from './tag-mark.js';
import type { ScriptWrite } from './write-script.js';

/**
 * Messages that a service's stream keeps at most: so many as fit into {@link STREAM_BYTES} if all are as long as the one that is added,
 * within these bounds. Roughly, because Redis trims whole nodes.
 */
const MAX_LENGTH = 10_000;
const MIN_LENGTH = 100;
const STREAM_BYTES = 10 * 1024 * 1024;
/** Of UTF-8, for one of a string's characters. */
const MAX_BYTES_PER_CHARACTER = 3;

/** A message and the way it goes. */
export interface Announcement {
  readonly message: string;
  /** The stream; absent: it is published. */
  readonly stream: string | undefined;
  /** The channel; empty where there is a stream. */
  readonly channel: string;
}

/** What is told of a write. */
export type Told = Pick<ScriptWrite, 'key' | 'version'>;

/** What an announcer needs. */
export interface AnnouncerParts {
  readonly connection: RedisConnection;
  readonly keySpace: KeySpace;
  readonly transport: 'stream' | 'pubsub';
  readonly timeoutMs: number;
}

/**
 * Lua: `announce(stream, length, channel, message)` passes a message on; returns an error's text when that failed. A stream that
 * Redis has no room for is removed instead: its readers notice, and drop what they hold.
 */
export const ANNOUNCE = `
local function announce(stream, length, channel, message)
  local reply
  if stream then reply = redis.pcall('XADD', stream, 'MAXLEN', '~', length, '*', '${MESSAGE_FIELD}', message)
  else reply = redis.pcall('PUBLISH', channel, message) end
  local failure = type(reply) == 'table' and reply.err
  if failure and stream and string.find(failure, 'OOM', 1, true) and type(redis.pcall('UNLINK', stream)) == 'number' then return nil end
  return failure or nil
end
`;

/** How many messages the stream of an announcement keeps, as text. */
export function streamLengthOf(message: string): string {
  // Counting the bytes of a short message would cost more than it could tell.
  if (message.length * MAX_BYTES_PER_CHARACTER * MAX_LENGTH <= STREAM_BYTES) return String(MAX_LENGTH);
  return String(Math.max(MIN_LENGTH, Math.min(MAX_LENGTH, Math.floor(STREAM_BYTES / Buffer.byteLength(message)))));
}

/** The message, the channel and the length of the stream, as arguments of a script that announces; empty for none. */
export function messageArgs(announcement: Announcement | undefined): string[] {
  if (announcement === undefined) return ['', '', ''];
  return [announcement.message, announcement.channel, streamLengthOf(announcement.message)];
}

/** The keys of a script that announces: the stream comes last, if there is one. */
export function withStream(keys: string[], announcement: Announcement | undefined): string[] {
  if (announcement?.stream !== undefined) keys.push(announcement.stream);
  return keys;
}

/** Makes the announcements of one service. */
export class Announcer {
  readonly #parts: AnnouncerParts;
  readonly #stream: string | undefined;
  readonly #channel: string;

  constructor(parts: AnnouncerParts) {
    this.#parts = parts;
    this.#stream = parts.transport === 'stream' ? parts.keySpace.stream : undefined;
    this.#channel = parts.transport === 'stream' ? '' : parts.keySpace.channel;
  }

  /** "These keys were written, these tags invalidated." */
  ofWrites(writes: readonly Told[]): Announcement {
    const items: (string | TagVersion)[] = [];
    let newest = '';
    for (const { key, version } of writes) {
      const tag = tagOfMark(key);
      items.push(tag === undefined ? key : [tag, version]);
      if (version > newest) newest = version;
    }
    return this.#of(sealMessage(this.#parts.connection.nodeId, newest, 'k', items));
  }

  /** "Everything older than `version` is gone." */
  ofClear(version: string): Announcement {
    return this.#of(sealMessage(this.#parts.connection.nodeId, version, 'c'));
  }

  /**
   * Passes a message on by itself: in a cluster the script that writes an entry cannot reach the stream.
   *
   * @throws {CacheError} CACHE_L2_UNAVAILABLE, CACHE_L2_TIMEOUT
   */
  async send({ message, stream, channel }: Announcement): Promise<void> {
    const { connection, timeoutMs } = this.#parts;
    try {
      if (stream === undefined) await connection.send('publish', [channel, message], timeoutMs);
      else
        await connection.send('xadd', [stream, 'MAXLEN', '~', streamLengthOf(message), '*', MESSAGE_FIELD, message], timeoutMs);
    } catch (error) {
      if (stream === undefined || replyCode(error) !== 'OOM') throw unavailable(error);
      await connection.send('unlink', [stream], timeoutMs).catch((failure: unknown) => {
        throw unavailable(failure);
      });
    }
  }

  #of(message: string): Announcement {
    return { message, stream: this.#stream, channel: this.#channel };
  }
}
