/** Numbers and texts in the header of an entry, written and read without making strings of what is only compared. */

/** Digits of a time. */
export const TIME_LENGTH = 13;

const HEX: readonly string[] = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'));

/** Eight lower-case hexadecimal digits. */
export function hex32(value: number): string {
  return (
    (HEX[value >>> 24] ?? '') + (HEX[(value >>> 16) & 255] ?? '') + (HEX[(value >>> 8) & 255] ?? '') + (HEX[value & 255] ?? '')
  );
}

/** A time as text. Writes of one millisecond have the same times, and writing a number this large costs more than a checksum. */
export class TimeText {
  #ms = -1;
  #text = '0'.repeat(TIME_LENGTH);

  /** Thirteen digits; times before 2001 or after 2286 do not occur on a server's clock. */
  of(ms: number): string {
    const whole = Math.max(0, Math.trunc(ms));
    if (whole !== this.#ms) {
      this.#ms = whole;
      this.#text = String(whole).padStart(TIME_LENGTH, '0');
    }
    return this.#text;
  }
}

const ZERO = 48;
const LETTER_A = 97;

/** Reads thirteen digits; NaN when there is anything else. In two halves, which stay small integers. */
export function readTime(raw: Buffer, at: number): number {
  return readDigits(raw, at, at + 6) * 1e7 + readDigits(raw, at + 6, at + TIME_LENGTH);
}

function readDigits(raw: Buffer, from: number, to: number): number {
  let number = 0;
  for (let i = from; i < to; i++) {
    const digit = (raw[i] as number) - ZERO;
    if (digit < 0 || digit > 9) return Number.NaN;
    number = number * 10 + digit;
  }
  return number;
}

/** Reads eight lower-case hexadecimal digits; NaN when there is anything else. */
export function readHex32(raw: Buffer, at: number): number {
  let number = 0;
  for (let i = at; i < at + 8; i++) {
    const letter = raw[i] as number;
    const digit = letter < LETTER_A ? letter - ZERO : letter - LETTER_A + 10;
    if (digit < 0 || digit > 15 || (letter < LETTER_A && digit > 9)) return Number.NaN;
    number = (number << 4) | digit;
  }
  return number >>> 0;
}

/** Whether the bytes at `at` are `text`. */
export function hasText(raw: Buffer, at: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (raw[at + i] !== text.charCodeAt(i)) return false;
  return true;
}

/** The character at `at`. */
export function letterAt(raw: Buffer, at: number): string {
  return String.fromCharCode(raw[at] as number);
}
