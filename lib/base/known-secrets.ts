/**
 * The secrets that this process knows: passwords of configurations and of connections that were handed in. Texts of others, such as
 * a server's error, may repeat them, and no pattern would find them there (G11). One registry serves all managers, because a text
 * does not tell which manager it belongs to. Each manager holds its secrets from reading its configuration until it is closed.
 */

const MASK = '***';
/** A shorter secret is masked only where it stands alone, because it is a part of many words. */
const MIN_ANYWHERE = 4;
/** A single character stands alone in every sentence, and protects nothing. */
const MIN_LENGTH = 2;
const WORD = /[\p{L}\p{N}]/u;

/** Returns secrets whenever they are asked for; for those that may change. */
export type SecretSource = () => Iterable<string>;

const held = new Map<string, number>();
const sources = new Set<SecretSource>();

/** Masks `secrets` in every text until the returned function is called. Secrets held twice have to be released twice. */
export function holdSecrets(secrets: Iterable<string>): () => void {
  const forms = formsOf(secrets);
  for (const form of forms) held.set(form, (held.get(form) ?? 0) + 1);
  return once(() => {
    for (const form of forms) {
      const holders = (held.get(form) ?? 0) - 1;
      if (holders > 0) held.set(form, holders);
      else held.delete(form);
    }
  });
}

/** Masks what `source` returns at the time of each text, until the returned function is called. */
export function holdSecretsOf(source: SecretSource): () => void {
  // A source that is held twice is two sources.
  const own: SecretSource = () => source();
  sources.add(own);
  return () => {
    sources.delete(own);
  };
}

/** Returns `text` with every known secret in it replaced by `***`, in each form in which it may be written. */
export function maskKnownSecrets(text: string): string {
  if (held.size === 0 && sources.size === 0) return text;
  const ranges: [from: number, to: number][] = [];
  for (const form of held.keys()) findAll(text, form, ranges);
  for (const source of sources) for (const form of formsOf(source())) findAll(text, form, ranges);
  return ranges.length === 0 ? text : maskRanges(text, ranges);
}

/** Secrets may overlap, so every place is found before the first one is masked: no part of the longer one may be left. */
function maskRanges(text: string, ranges: [from: number, to: number][]): string {
  ranges.sort(([a], [b]) => a - b);
  let masked = '';
  let end = 0;
  for (const [from, to] of ranges) {
    if (from >= end) masked += text.slice(end, from) + MASK;
    end = Math.max(end, to);
  }
  return masked + text.slice(end);
}

function findAll(text: string, form: string, ranges: [from: number, to: number][]): void {
  for (let at = text.indexOf(form); at !== -1; at = text.indexOf(form, at + 1)) {
    const end = at + form.length;
    if (form.length >= MIN_ANYWHERE || !(isWordAt(text, at - 1) || isWordAt(text, end))) ranges.push([at, end]);
  }
}

function isWordAt(text: string, at: number): boolean {
  return WORD.test(text.charAt(at));
}

/** The ways in which programs write a text: as it is, in a URL, with escapes in quotes. */
function formsOf(secrets: Iterable<string>): ReadonlySet<string> {
  const forms = new Set<string>();
  for (const secret of secrets) {
    if (secret.length < MIN_LENGTH) continue;
    for (const plain of [secret, decoded(secret)]) {
      const encoded = encodeURIComponent(wellFormed(plain));
      const quoted = JSON.stringify(plain).slice(1, -1);
      for (const form of [plain, encoded, encodeUser(plain), quoted, escapeBytes(plain)]) forms.add(form);
      forms.add(encoded.replace(/%[0-9A-F]{2}/g, (hex) => hex.toLowerCase()));
    }
  }
  return forms;
}

function decoded(secret: string): string {
  try {
    return decodeURIComponent(secret);
  } catch {
    return secret;
  }
}

/** As it would be sent: half a surrogate pair cannot be encoded. */
function wellFormed(plain: string): string {
  return Buffer.from(plain).toString();
}

/** As `URL` writes a password. */
function encodeUser(plain: string): string {
  const url = new URL('redis://host');
  url.password = plain;
  return url.password;
}

/** As Redis writes an argument in an error. */
function escapeBytes(plain: string): string {
  return JSON.stringify(plain)
    .slice(1, -1)
    .replace(/[^\x20-\x7e]/gu, (character) => [...Buffer.from(character)].map((byte) => `\\x${byte.toString(16)}`).join(''));
}

function once(action: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) action();
    isDone = true;
  };
}
