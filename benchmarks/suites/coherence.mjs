/** What it costs that several processes share one truth: writes with their announcements, how late these are, tags, loads. */
import { measureLag } from '../coherence/lag.mjs';
import { measureLoads } from '../coherence/load-once.mjs';
import { measureSetLatency } from '../coherence/set-latency.mjs';
import { measureStream } from '../coherence/stream-size.mjs';
import { measureTags } from '../coherence/tags.mjs';
import { measureWrites } from '../coherence/writes.mjs';

export async function run({ redisUrl }) {
  return [
    ...(await measureWrites(redisUrl)),
    ...(await measureSetLatency(redisUrl)),
    ...(await measureLag(redisUrl)),
    ...(await measureLoads(redisUrl)),
    ...(await measureTags(redisUrl)),
    ...(await measureStream(redisUrl)),
  ];
}
