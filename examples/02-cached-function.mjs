// @ts-check
/** `cached`: wrap a function once, use it as before. Wrapping may happen before `init`; the cache is looked up at the first call. */
import { cached, init, shutdown } from 'oxcache';

let runs = 0;

// The key is the function's name and its arguments: "findPosts:{"page":1,"tag":"news"}".
const findPosts = cached('posts', async function findPosts(/** @type {{ tag: string, page: number }} */ query) {
  runs++;
  return [`${query.tag} ${query.page}.1`, `${query.tag} ${query.page}.2`];
});

// Or a template, or a function of the arguments.
const findAuthor = cached('posts', async (/** @type {number} */ id) => ({ id, name: `Author ${id}` }), {
  key: 'author:{0}',
  ttl: '5m',
});

await init({ services: { posts: { cache_type: 'l1', ttl: 60 } } });

console.log(await findPosts({ tag: 'news', page: 1 }), { runs });
// The order of the properties makes no difference.
console.log(await findPosts({ page: 1, tag: 'news' }), { runs });
console.log('key      ', findPosts.keyFor({ tag: 'news', page: 1 }));

await Promise.all(Array.from({ length: 100 }, () => findPosts({ tag: 'sport', page: 1 })));
console.log('100 calls', { runs });

console.log('forgotten', await findPosts.invalidate({ tag: 'news', page: 1 }));
await findPosts({ tag: 'news', page: 1 });
console.log('again    ', { runs });

console.log(await findAuthor(7), findAuthor.keyFor(7));

await shutdown();
