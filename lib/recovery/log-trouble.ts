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
  | { readonly kind: 'damaged'; readonly lost: number; readonly invalidated: number };
