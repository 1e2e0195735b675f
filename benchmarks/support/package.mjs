/**
 * The built package, as its users get it, and the ioredis it uses itself: the reference for L2 has to be the same version.
 * `OXCACHE_DIST` names another build than the project's own `dist/`, to compare two of them.
 */
import { createRequire } from 'node:module';

/** The folder of the build, as a URL. */
export const dist = new URL(process.env.OXCACHE_DIST ?? '../../dist/', import.meta.url);

/** The public face of the build. */
export const oxcache = await import(new URL('index.js', dist)).catch((cause) => {
  throw new Error(`There is no build at ${dist.pathname}; run \`npm run build\` first`, { cause });
});

/** ioredis as the library loads it; the peers bring an older one along. */
export function loadIoredis() {
  return createRequire(new URL('index.js', dist))('ioredis');
}

/** A manager that logs nothing. */
export function createManager(services) {
  return oxcache.createManager({ global: { log_level: 'silent' }, services });
}
