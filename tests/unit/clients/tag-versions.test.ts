/** What is known of tags, against the order of versions: texts that sort stand for them here. */
import { describe, expect, test } from '@jest/globals';
import { TagVersions } from '../../../lib/clients/tag-versions.js';

describe('while invalidations may be missed', () => {
  test('only what is known to be invalidated is decided', () => {
    const versions = new TagVersions();
    expect(versions.note('t', '5')).toBe(true);
    expect([versions.verdict('t', '4'), versions.verdict('t', '6'), versions.verdict('other', '6')]).toEqual([
      false,
      undefined,
      undefined,
    ]);
    expect(versions.hearsAll).toBe(false);
  });

  test('an answer of Redis is news once, and decides what is older', () => {
    const versions = new TagVersions();
    expect(versions.learn('t', '5', versions.period)).toBe(true);
    expect(versions.learn('t', '5', versions.period)).toBe(false);
    expect(versions.learn('t', '', versions.period)).toBe(false);
    expect([versions.verdict('t', '4'), versions.verdict('t', '6')]).toEqual([false, undefined]);
  });
});

describe('while every invalidation is heard of', () => {
  test('what was written since counts, what is older has to be asked about', () => {
    const versions = new TagVersions();
    versions.begin('5');
    expect([versions.verdict('t', '5'), versions.verdict('t', '6'), versions.verdict('t', '4')]).toEqual([true, true, undefined]);
  });

  test('a tag that was asked about is decided for every version', () => {
    const versions = new TagVersions();
    versions.begin('5');
    versions.learn('t', '3', versions.period);
    versions.learn('u', '', versions.period);
    expect([versions.verdict('t', '2'), versions.verdict('t', '4'), versions.verdict('u', '1')]).toEqual([false, true, true]);
  });

  test('an answer that was overtaken by an invalidation changes nothing', () => {
    const versions = new TagVersions();
    versions.begin('5');
    const { period } = versions;
    versions.note('t', '7');
    expect(versions.learn('t', '', period)).toBe(false);
    expect([versions.verdict('t', '6'), versions.verdict('t', '8'), versions.lastOf('t')]).toEqual([false, true, '7']);
  });

  test('an older invalidation that comes late is no news', () => {
    const versions = new TagVersions();
    versions.begin('1');
    expect([versions.note('t', '7'), versions.note('t', '6'), versions.note('t', '7')]).toEqual([true, false, false]);
    expect(versions.verdict('t', '6')).toBe(false);
  });

  test('an invalidation from before is a fact, and does not count as the latest: there may be one that was missed', () => {
    const versions = new TagVersions();
    versions.begin('5');
    expect(versions.note('t', '2')).toBe(true);
    expect([versions.verdict('t', '1'), versions.verdict('t', '3'), versions.verdict('t', '6')]).toEqual([
      false,
      undefined,
      true,
    ]);
    // Redis knows of the one that was missed.
    versions.learn('t', '4', versions.period);
    expect([versions.verdict('t', '3'), versions.verdict('t', '4')]).toEqual([false, true]);
  });

  test('an invalidation from before takes nothing from what Redis said of the tag', () => {
    const versions = new TagVersions();
    versions.begin('5');
    versions.learn('t', '3', versions.period);
    expect(versions.note('t', '2')).toBe(false);
    expect([versions.verdict('t', '2'), versions.verdict('t', '4')]).toEqual([false, true]);
  });
});

describe('after a time of silence', () => {
  test('facts stay, and nothing else: what could have been missed has to be asked about', () => {
    const versions = new TagVersions();
    versions.begin('1');
    versions.note('t', '3');
    versions.learn('u', '', versions.period);
    versions.end();
    expect([versions.verdict('t', '2'), versions.verdict('t', '4'), versions.verdict('u', '2')]).toEqual([
      false,
      undefined,
      undefined,
    ]);
    versions.begin('5');
    expect([
      versions.verdict('t', '2'),
      versions.verdict('t', '4'),
      versions.verdict('t', '6'),
      versions.verdict('u', '2'),
    ]).toEqual([false, undefined, true, undefined]);
  });

  test('an answer from before does not pass for one from now', () => {
    const versions = new TagVersions();
    versions.begin('5');
    const { period } = versions;
    versions.end();
    versions.begin('8');
    versions.learn('t', '3', period);
    expect([versions.verdict('t', '2'), versions.verdict('t', '4')]).toEqual([false, undefined]);
  });

  test('of another time line everything is forgotten', () => {
    const versions = new TagVersions();
    versions.begin('1');
    versions.note('t', '9');
    versions.forget();
    expect([versions.verdict('t', '2'), versions.size, versions.hearsAll]).toEqual([undefined, 0, false]);
  });
});

describe('G14: bounds', () => {
  test('the tag noted longest ago gives way, and what it hid has to be asked about', () => {
    const versions = new TagVersions(3);
    versions.begin('1');
    for (const [tag, version] of ['a3', 'b4', 'c5'].map((text) => [text.charAt(0), text.charAt(1)] as const))
      versions.note(tag, version);
    versions.note('a', '6');
    versions.note('d', '7');
    expect(versions.size).toBe(3);
    // `b` went: what is older than its invalidation can't be told any more, of whichever tag.
    expect([
      versions.verdict('b', '3'),
      versions.verdict('b', '4'),
      versions.verdict('x', '3'),
      versions.verdict('x', '4'),
    ]).toEqual([undefined, true, undefined, true]);
    expect([versions.verdict('a', '5'), versions.verdict('c', '4')]).toEqual([false, false]);
  });
});
