/** Keeps credentials out of everything that is shown (G11). Masking too much is fine here, masking too little is not. */

const MASK = '***';
/** A password may hold any character when it was not encoded, so everything up to the last `@` of the word goes. */
const REDIS_CREDENTIALS = /\b((?:rediss?|valkeys?|unix):\/{0,3})\S*@/gi;
const OTHER_CREDENTIALS = /\b([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/]*@/gi;
const SECRET_PARAMETER = /([?&](?:password|passwd|pass|auth|token|secret|username|user)=)[^&\s]*/gi;

/** Returns `text` with the credentials of every URL in it replaced by `***`. */
export function redactSecrets(text: string): string {
  return text
    .replace(REDIS_CREDENTIALS, `$1${MASK}@`)
    .replace(OTHER_CREDENTIALS, `$1${MASK}@`)
    .replace(SECRET_PARAMETER, `$1${MASK}`);
}
