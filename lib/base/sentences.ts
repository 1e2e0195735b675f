/** Puts texts of different origin behind one another: some end with a full stop, some do not. */

/** The texts as sentences, one after the other; empty ones are left out. */
export function sentences(...texts: readonly string[]): string {
  return texts
    .map((text) => text.trim())
    .filter((text) => text !== '')
    .map((text) => (/[.!?…]$/.test(text) ? text : `${text}.`))
    .join(' ');
}
