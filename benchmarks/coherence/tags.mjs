/**
 * What reads of entries without tags cost while tags are in use in their service: 10,000 tagged entries beside them, and a tag
 * invalidated by another process every 10 ms; next to the same reads of a service without any. Each has a process of its own,
 * so that neither shapes the compiled code of the other.
 */
import { startCompanions } from '../support/companions.mjs';
import { median, ratios } from '../support/statistics.mjs';

const ROUNDS = 15;
const WARM_UP_ROUNDS = 4;
const ROUND_MS = 120;
const EVERY_MS = 10;

/** See the file's header. */
export async function measureTags(redisUrl) {
  const [plain, tagged] = startCompanions(new URL('reader.mjs', import.meta.url), 2);
  const [invalidator] = startCompanions(new URL('invalidator.mjs', import.meta.url), 1);
  await plain.ask('open', redisUrl, 'plain', false);
  await tagged.ask('open', redisUrl, 'tagged', true);
  await invalidator.ask('open', redisUrl, 'tagged');
  const beside = {
    plain: (name) => plain.ask(name, ROUND_MS),
    async tagged(name) {
      await invalidator.ask('start', 'tagged', EVERY_MS);
      const ns = await tagged.ask(name, ROUND_MS);
      await invalidator.ask('stop');
      return ns;
    },
  };
  const ns = { readL1: { plain: [], tagged: [] }, readL2: { plain: [], tagged: [] } };
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    for (const name of Object.keys(ns)) {
      for (const who of round % 2 === 0 ? ['plain', 'tagged'] : ['tagged', 'plain']) {
        const measured = await beside[who](name);
        if (round >= 0) ns[name][who].push(measured);
      }
    }
  }
  const invalidated = await invalidator.ask('stop');
  const heard = await tagged.ask('heard');
  await Promise.all([plain, tagged, invalidator].map((each) => each.stop()));
  if (invalidated === 0 || heard < invalidated) throw new Error(`${invalidated} tags were invalidated, ${heard} heard of`);
  const ratio = (figure, { plain: without, tagged: beside }, more) => ({
    figure,
    goal: ['<=', 1.1],
    ...ratios(beside, without),
    note: `${median(beside).toFixed(0)} ns; without tags ${median(without).toFixed(0)} ns${more}`,
  });
  return [
    ratio('L1 hit beside tags in use / without', ns.readL1, `; ${invalidated} tags invalidated`),
    ratio('L2 get, 64 callers, beside tags / without', ns.readL2, ''),
  ];
}
