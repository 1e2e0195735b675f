/**
 * Reads the replies to a login from a socket that no client has yet: RESP2 only, a handful of short replies. A byte that cannot
 * begin a reply is reported as it is, because it says what else is listening there.
 */

/** One reply, as text; an array is the texts of its elements, joined by spaces. */
export interface LoginReply {
  readonly isError: boolean;
  readonly text: string;
}

/** What was read: replies, in order, and the first byte that belongs to none. */
export interface ReadReplies {
  readonly replies: readonly LoginReply[];
  readonly foreignByte: number | undefined;
  /** What follows the last whole reply. */
  readonly rest: Buffer;
}

interface Found {
  readonly reply: LoginReply;
  readonly end: number;
}

const FIRST_BYTES = '+-:$*';

/** Reads at most `count` whole replies. */
export function readReplies(bytes: Buffer, count: number): ReadReplies {
  const replies: LoginReply[] = [];
  let at = 0;
  while (replies.length < count && at < bytes.length) {
    if (!FIRST_BYTES.includes(String.fromCharCode(bytes[at] ?? 0))) return { replies, foreignByte: bytes[at], rest: bytes };
    const found = readReply(bytes, at);
    if (found === undefined) break;
    replies.push(found.reply);
    at = found.end;
  }
  return { replies, foreignByte: undefined, rest: bytes.subarray(at) };
}

/** The reply that begins at `at`, if all of it is there. */
function readReply(bytes: Buffer, at: number): Found | undefined {
  const lineEnd = bytes.indexOf('\r\n', at);
  if (lineEnd === -1) return undefined;
  const line = bytes.toString('utf8', at + 1, lineEnd);
  const next = lineEnd + 2;
  switch (String.fromCharCode(bytes[at] ?? 0)) {
    case '$': {
      const length = Math.max(Number(line), 0);
      const end = Number(line) < 0 ? next : next + length + 2;
      if (bytes.length < end) return undefined;
      return { reply: { isError: false, text: bytes.toString('utf8', next, next + length) }, end };
    }
    case '*': {
      const texts: string[] = [];
      let end = next;
      for (let i = 0; i < Number(line); i++) {
        const element = readReply(bytes, end);
        if (element === undefined) return undefined;
        texts.push(element.reply.text);
        end = element.end;
      }
      return { reply: { isError: false, text: texts.join(' ') }, end };
    }
    case '-':
      return { reply: { isError: true, text: line }, end: next };
    default:
      return { reply: { isError: false, text: line }, end: next };
  }
}
