/**
 * How large the next value of a service is expected to be, learned from those that came and went. It rises fast and falls slowly:
 * a reply that was expected too large costs a round trip, one that was expected too small holds up everybody else's.
 */

/** What is expected of a service that nothing is known of, in bytes. */
const FIRST_GUESS_BYTES = 2048;

/** See the file's header. */
export class ValueSizes {
  /** Bytes of one entry in Redis; whole. */
  expectedBytes = FIRST_GUESS_BYTES;
  /** Whether anything has been learned. */
  isKnown = false;

  /** An entry of this size was read or written; 0: there was none. */
  note(bytes: number): void {
    this.isKnown = true;
    const moreBytes = bytes - this.expectedBytes;
    this.expectedBytes += moreBytes > 0 ? moreBytes >> 2 : moreBytes >> 5;
  }
}
