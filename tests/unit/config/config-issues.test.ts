import { describe, expect, test } from '@jest/globals';
import { errorOf, issuesOf, loadToml, places } from './load-toml.js';

/** A `two-level` service with these lines in `[services.a]`, which start on line 3. */
function service(lines: string): string {
  return `[services.a]\ncache_type = "two-level"\n${lines}\n[services.a.l2]\nconnection_string = "redis://h"\n`;
}

describe('one issue for one mistake, with its path, its line and what to do', () => {
  test.each<[string, string, string, RegExp]>([
    ['an unknown version', 'config_version = 2\n[services.a]\ncache_type = "l1"', '1 config_version', /Expected 1, got 2/],
    [
      'an unknown table',
      '[service.a]\n[services.a]\ncache_type = "l1"',
      '1 service',
      /not a known key; did you mean `services`\?/,
    ],
    [
      'an unknown key with nothing near',
      service('colour = "red"'),
      '3 services.a.colour',
      /not a known key; remove it; known here are `cache_type`/,
    ],
    ['a misspelt key', service('l1 = { max_capcity = 5 }'), '3 services.a.l1.max_capcity', /did you mean `max_capacity`\?/],
    ['a key in the wrong table', service('max_capacity = 5'), '3 services.a.max_capacity', /did you mean `l1\.max_capacity`\?/],
    ['no service at all', '[global]\ndefault_ttl = 1', '1 services', /There is no service; add a table `\[services\.NAME\]`/],
    ['an empty table of services', '[global]\n[services]', '2 services', /There is no service/],
    [
      'no cache_type',
      '[global]\n[services.a]\nttl = 1',
      '2 services.a.cache_type',
      /missing; set it to one of "l1", "l2", "two-level"/,
    ],
    ['a service that is no table', 'services.a = 5', '1 services.a', /Expected a table, got 5 \(number\)/],
    [
      'a bad service name',
      '[services."a b"]\ncache_type = "l1"',
      '1 services."a b"',
      /cannot be a name here; use 1 to 64 letters/,
    ],
    [
      'a long service name',
      `[services.${'a'.repeat(65)}]\ncache_type = "l1"`,
      `1 services.${'a'.repeat(65)}`,
      /cannot be a name/,
    ],
    ['a service named like a folder', '[services."."]\ncache_type = "l1"', '1 services."."', /other than `\.` and `\.\.`/],
    [
      'a service named like the folder above',
      '[services.".."]\ncache_type = "l1"',
      '1 services.".."',
      /other than `\.` and `\.\.`/,
    ],
    ['an empty service name', '[services.""]\ncache_type = "l1"', '1 services.""', /cannot be a name/],
    ['a misspelt cache_type', '[services.a]\ncache_type = "twolevel"', '2 services.a.cache_type', /did you mean "two-level"\?/],
    [
      'a wrong type for a boolean',
      '[global]\nenable_metrics = "yes"\n[services.a]\ncache_type="l1"',
      '2 global.enable_metrics',
      /Expected true or false, got "yes"/,
    ],
    [
      'a wrong type for a text',
      '[global]\nkey_prefix = 5\n[services.a]\ncache_type="l1"',
      '2 global.key_prefix',
      /Expected 1 to 64 letters.*got 5 \(number\)/,
    ],
    ['a table for a number', service('ttl_jitter = {}'), '3 services.a.ttl_jitter', /Expected a number from 0 to 1, got a table/],
    ['an array for a table', service('l1 = [1]'), '3 services.a.l1', /Expected a table, got an array/],
    ['a date', service('ttl = 2020-01-01'), '3 services.a.ttl', /a date, which is not a value/],
    [
      'a fraction for an integer',
      service('l1 = { max_capacity = 1.5 }'),
      '3 services.a.l1.max_capacity',
      /whole number from 1 to 10,000,000, got 1\.5/,
    ],
    ['not a number', service('ttl_jitter = nan'), '3 services.a.ttl_jitter', /got NaN/],
    ['infinity', service('l1 = { max_capacity = inf }'), '3 services.a.l1.max_capacity', /got Infinity/],
    ['a duration that is not a number', service('ttl = nan'), '3 services.a.ttl', /got NaN/],
    ['an endless duration', service('ttl = inf'), '3 services.a.ttl', /got Infinity/],
    [
      'an invented unit',
      service('ttl = "5 mins"'),
      '3 services.a.ttl',
      /Expected a duration .*, got "5 mins" \(string\); did you mean "5m"\?/,
    ],
    ['milliseconds in words', service('ttl = "250 milliseconds"'), '3 services.a.ttl', /did you mean "250ms"\?/],
    ['a quoted number', service('ttl = "600"'), '3 services.a.ttl', /did you mean 600 without the quotes\?/],
    ['a misspelt strategy', service('ttl = "meduim"'), '3 services.a.ttl', /did you mean "medium"\?/],
    ['a month', service('ttl = "1 month"'), '3 services.a.ttl', /got "1 month" \(string\); correct the value/],
    [
      'a log level of syslog',
      '[global]\nlog_level = "notice"\n[services.a]\ncache_type="l1"',
      '2 global.log_level',
      /one of "error", "warn"/,
    ],
    [
      'a strategy that redefines a built-in one',
      '[global.strategies]\nlong = 5\n[services.a]\ncache_type="l1"',
      '2 global.strategies.long',
      /built-in strategy and cannot be redefined/,
    ],
    [
      'a strategy called like a duration',
      '[global.strategies]\n5m = 5\n[services.a]\ncache_type="l1"',
      '2 global.strategies.5m',
      /cannot be a name here/,
    ],
    [
      'a strategy made of another',
      '[global.strategies]\nx = 5\ny = "x"\n[services.a]\ncache_type="l1"',
      '3 global.strategies.y',
      /Expected a duration/,
    ],
    ['a strategy of zero', '[global.strategies]\nx = 0\n[services.a]\ncache_type="l1"', '2 global.strategies.x', /more than 0/],
  ])('%s', async (_name, text, place, message) => {
    const issues = await issuesOf(text);
    expect(places(issues)).toEqual([place]);
    expect(issues[0]?.message).toMatch(message);
    expect(issues[0]?.message).toMatch(/[.?]$/);
  });

  test('a faulty strategy is one issue, not one for every key that names it', async () => {
    const text = `[global.strategies]\nbrief = "soon"\n${service('ttl = "brief"\nnull_ttl = "brief"')}`;
    expect(places(await issuesOf(text))).toEqual(['2 global.strategies.brief']);
  });

  test('a faulty lifetime does not make its companions look wrong', async () => {
    expect(places(await issuesOf(service('ttl = "x"\nl1 = { ttl = "2h", tti = "1h" }')))).toEqual(['3 services.a.ttl']);
    expect(places(await issuesOf(`[global]\ndefault_ttl = 0\n${service('l1 = { ttl = "2h" }')}`))).toEqual([
      '2 global.default_ttl',
    ]);
  });

  test('a faulty address is not reported as missing as well', async () => {
    const text =
      '[services.a]\ncache_type = "l2"\nl2 = { connection_string = "http://h" }\n[services.b]\ncache_type = "l2"\nl2 = 5\n';
    expect(places(await issuesOf(text))).toEqual(['3 services.a.l2.connection_string', '6 services.b.l2']);
  });

  test('a faulty global address is reported once, not once per service', async () => {
    const text =
      '[global.l2]\nconnection_string = "http://h"\n[services.a]\ncache_type = "l2"\n[services.b]\ncache_type = "l2"\n';
    expect(places(await issuesOf(text))).toEqual(['2 global.l2.connection_string']);
  });
});

describe('several problems', () => {
  const TEXT = `[global]
log_level = "loud"
colour = 1

[services.b]
cache_type = "two-level"
ttl = 60
[services.b.l1]
ttl = "5 mins"
max_capacity = 0

[services.a]
cache_type = "l1"
two_level = {}
null_ttl = "\${NOPE}"
`;
  const PLACES = [
    '2 global.log_level',
    '3 global.colour',
    '5 services.b.l2.connection_string',
    '9 services.b.l1.ttl',
    '10 services.b.l1.max_capacity',
    '14 services.a.two_level',
    '15 services.a.null_ttl',
  ];

  test('are all reported at once, in the order of their lines', async () => {
    expect(places(await issuesOf(TEXT))).toEqual(PLACES);
  });

  test('are listed in the message of the error, each with file, line and path', async () => {
    const error = await errorOf(loadToml(TEXT));
    const [title, ...lines] = error.message.split('\n');
    expect(title).toBe('The configuration has 7 problems:');
    expect(lines.map((line) => /config\.toml:(\d+) {2}([^:]+): /.exec(line)?.slice(1).join(' '))).toEqual(PLACES);
  });

  test('of an object are listed without lines', async () => {
    const error = await errorOf(loadToml('x = 1'));
    expect(error.message).toContain('The configuration has 2 problems:');
    const objectIssues = await issuesOf({ services: { a: { cache_type: 'l1', ttl: 0 } } });
    expect(objectIssues).toEqual([{ path: 'services.a.ttl', message: expect.stringContaining('more than 0') }]);
  });

  test('beyond fifty are counted in the message and all present in `issues`', async () => {
    const text = Array.from({ length: 60 }, (_, index) => `unknown_${index} = 1`).join('\n');
    const error = await errorOf(loadToml(text));
    expect(error.issues).toHaveLength(61);
    expect(error.message).toContain('... and 11 more');
  });
});

describe('objects that are not like a file', () => {
  test.each<[string, unknown, string]>([
    ['null', { services: { a: { cache_type: 'l1', ttl: null } } }, 'services.a.ttl'],
    ['a function', { services: { a: { cache_type: 'l1', ttl: () => 5 } } }, 'services.a.ttl'],
    ['a bigint', { services: { a: { cache_type: 'l1', ttl: 5n } } }, 'services.a.ttl'],
    ['a symbol', { services: { a: { cache_type: 'l1', ttl: Symbol('x') } } }, 'services.a.ttl'],
    ['a date', { services: { a: { cache_type: 'l1', l1: new Date(0) } } }, 'services.a.l1'],
    ['a map', { services: { a: { cache_type: 'l1', l1: new Map() } } }, 'services.a.l1'],
  ])('%s is an issue', async (_name, source, path) => {
    expect(places(await issuesOf(source))).toEqual([path]);
  });

  test('an object inside itself is an issue', async () => {
    const source: Record<string, unknown> = { services: { a: { cache_type: 'l1' } } };
    source['global'] = source;
    expect(places(await issuesOf(source))).toEqual(['global']);
  });

  test('a key called __proto__ is an unknown key like any other', async () => {
    const source: unknown = JSON.parse('{ "__proto__": { "services": 1 }, "services": { "a": { "cache_type": "l1" } } }');
    expect(places(await issuesOf(source))).toEqual(['__proto__']);
  });
});
