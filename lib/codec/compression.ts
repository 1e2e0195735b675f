/**
 * Compression of payloads above a threshold. Small payloads are done in place; large ones on the thread pool, so that one
 * big value does not stop the event loop. A payload that does not get smaller is stored as it was.
 */
import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import type { CompressionTag } from './envelope.js';

/** Names in the configuration. */
export type CompressionName = 'none' | 'gzip' | 'brotli' | 'zstd';

/** Payloads up to this many bytes are compressed synchronously: cheaper than a trip to the thread pool. */
const SYNC_LIMIT_BYTES = 16 * 1024;

/**
 * Compressed payloads up to this many bytes are expanded synchronously, if what they expand to has no more than
 * {@link SYNC_OUTPUT_BYTES}: few bytes of input may stand for megabytes.
 */
const SYNC_EXPAND_BYTES = 4 * 1024;
const SYNC_OUTPUT_BYTES = 64 * 1024;

type Sync = (data: Buffer, options?: { maxOutputLength: number }) => Buffer;
type Async = (data: Buffer, options?: { maxOutputLength: number }) => Promise<Buffer>;

/**
 * The asynchronous halves are `async` functions so that their promises are of this realm, which callers ask with
 * `instanceof`: under jest, Node's own promises are of another one.
 */
interface Method {
  readonly compressSync: Sync;
  readonly compress: Async;
  readonly expandSync: Sync;
  readonly expand: Async;
}

/** Quality 4: brotli's default of 11 takes seconds for a megabyte. */
const BROTLI = { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 4 } };

const gzip: Method = {
  compressSync: (data) => zlib.gzipSync(data),
  compress: async (data) => promisify<Buffer, Buffer>(zlib.gzip)(data),
  expandSync: (data, options) => zlib.gunzipSync(data, options),
  expand: async (data, options) => promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.gunzip)(data, options ?? {}),
};

const brotli: Method = {
  compressSync: (data) => zlib.brotliCompressSync(data, BROTLI),
  compress: async (data) => promisify<Buffer, zlib.BrotliOptions, Buffer>(zlib.brotliCompress)(data, BROTLI),
  expandSync: (data, options) => zlib.brotliDecompressSync(data, options),
  expand: async (data, options) => promisify<Buffer, zlib.BrotliOptions, Buffer>(zlib.brotliDecompress)(data, options ?? {}),
};

/** zstd came to Node in 22.15; the types of Node 20 do not know it. */
interface ZstdFunctions {
  readonly zstdCompressSync: Sync;
  readonly zstdCompress: (data: Buffer, done: (error: Error | null, result: Buffer) => void) => void;
  readonly zstdDecompressSync: Sync;
  readonly zstdDecompress: (data: Buffer, options: object, done: (error: Error | null, result: Buffer) => void) => void;
}

function zstdMethod(): Method | undefined {
  if (!('zstdCompressSync' in zlib)) return undefined;
  const z = zlib as unknown as ZstdFunctions;
  return {
    compressSync: (data) => z.zstdCompressSync(data),
    compress: async (data) => promisify(z.zstdCompress)(data),
    expandSync: (data, options) => z.zstdDecompressSync(data, options),
    expand: async (data, options) => promisify(z.zstdDecompress)(data, options ?? {}),
  };
}

const METHODS: Readonly<Record<CompressionTag, Method | undefined>> = { '-': undefined, g: gzip, b: brotli, z: zstdMethod() };
const TAGS: Readonly<Record<CompressionName, CompressionTag>> = { none: '-', gzip: 'g', brotli: 'b', zstd: 'z' };

/** A payload and how it is compressed. */
export interface Compressed {
  readonly tag: CompressionTag;
  readonly payload: string | Buffer;
}

/** Compresses a payload of at least `thresholdBytes`; a promise only when the thread pool does it. */
export function compressPayload(
  payload: string | Buffer,
  name: CompressionName,
  thresholdBytes: number,
): Compressed | Promise<Compressed> {
  const plain: Compressed = { tag: '-', payload };
  const tag = TAGS[name];
  const method = METHODS[tag];
  if (method === undefined) return plain;
  const size = typeof payload === 'string' ? Buffer.byteLength(payload) : payload.length;
  if (size < thresholdBytes) return plain;
  const data = typeof payload === 'string' ? Buffer.from(payload, 'utf8') : payload;
  const keepSmaller = (result: Buffer): Compressed => (result.length < size ? { tag, payload: result } : plain);
  return size <= SYNC_LIMIT_BYTES ? keepSmaller(method.compressSync(data)) : method.compress(data).then(keepSmaller);
}

/**
 * Undoes {@link compressPayload}. `maxBytes` bounds what a hostile payload may expand to. Throws or rejects when the bytes
 * are not of that compression or this Node does not have it.
 */
export function expandPayload(payload: Buffer, tag: CompressionTag, maxBytes: number): Buffer | Promise<Buffer> {
  const method = METHODS[tag];
  if (method === undefined) throw new Error(`this Node cannot expand compression "${tag}"`);
  const options = { maxOutputLength: maxBytes };
  if (payload.length > SYNC_EXPAND_BYTES) return method.expand(payload, options);
  try {
    return method.expandSync(payload, { maxOutputLength: Math.min(maxBytes, SYNC_OUTPUT_BYTES) });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_BUFFER_TOO_LARGE' || maxBytes <= SYNC_OUTPUT_BYTES) throw error;
    return method.expand(payload, options);
  }
}
