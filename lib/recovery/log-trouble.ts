/** What can go wrong with a log, for those who count, report and log it. */

/** One thing that went wrong, or right again. */
export type LogTrouble =
  /** The log is full: the oldest values were given up, their keys will be invalidated. */
  | { readonly kind: 'values-given-up'; readonly count: number }
  /** The log is full of keys: the whole service will be invalidated instead. */
  | { readonly kind: 'service-invalidated'; readonly count: number }
  /** The disk refused `count` writes; `isFirst`: it worked until now. */
  | { readonly kind: 'disk-failed'; readonly count: number; readonly error: unknown; readonly isFirst: boolean }
  /** The disk takes writes again. */
  | { readonly kind: 'disk-recovered' }
  /** Bytes in the file are not certain to be on the disk; they are written again elsewhere. */
  | { readonly kind: 'sync-failed'; readonly error: unknown }
  /** Records of an adopted log could not be read; the keys of `invalidated` of them could, and will be invalidated. */
  | { readonly kind: 'damaged'; readonly lost: number; readonly invalidated: number }
  /** Something has the name of a segment and is none; it is left alone. */
  | { readonly kind: 'foreign-files'; readonly paths: readonly string[] }
  /** Logs of dead processes were taken over. */
  | { readonly kind: 'adopted'; readonly logs: number; readonly keys: number; readonly durationMs: number }
  /**
   * So many files were removed, moved or replaced while they were in use. What they held was written anew, but for the values
   * of `givenUp` keys that could not be read any more; the keys will be invalidated.
   */
  | { readonly kind: 'files-gone'; readonly files: number; readonly givenUp: number };
