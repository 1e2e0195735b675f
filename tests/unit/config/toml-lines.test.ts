import { describe, expect, test } from '@jest/globals';
import { parse } from 'smol-toml';
import type { ConfigPath } from '../../../lib/config/config-path.js';
import { findTomlLines } from '../../../lib/config/toml-lines.js';

const TEXT = `# a comment with [brackets] = "and quotes
a = 1
b.c = 2
"quoted key".'literal' = 3

[t] # trailing
x = """
y = 1
\\""" still inside
"""
z = '''
[not.a.table]
'''
list = [
  1, # one
  { p = 1, q = [ "a]", 'b' ] },
]
[ t . "u.v" ]
inline = { one = 1, two.three = "}", four = { five = 5 } }
[[rows]]
n = 1
[[rows]]
n = 2
[rows.child]
m = 3
[late]
"esc\\u0061ped" = 1
date = 1979-05-27T07:32:00Z
`;

describe('findTomlLines', () => {
  const lineOf = findTomlLines(TEXT);

  test('the text is TOML, so the scan is of what it is made for', () => {
    expect(Object.keys(parse(TEXT))).toEqual(['a', 'b', 'quoted key', 't', 'rows', 'late']);
  });

  test.each<[ConfigPath, number]>([
    [['a'], 2],
    [['b'], 3],
    [['b', 'c'], 3],
    [['quoted key', 'literal'], 4],
    [['t'], 6],
    [['t', 'x'], 7],
    [['t', 'z'], 11],
    [['t', 'list'], 14],
    [['t', 'list', 0], 15],
    [['t', 'list', 1, 'q'], 16],
    [['t', 'u.v'], 18],
    [['t', 'u.v', 'inline', 'two', 'three'], 19],
    [['t', 'u.v', 'inline', 'four', 'five'], 19],
    [['rows', 0, 'n'], 21],
    [['rows', 1, 'n'], 23],
    [['rows', 1, 'child', 'm'], 25],
    [['late', 'escaped'], 27],
    [['late', 'date'], 28],
  ])('%j is on line %i', (path, line) => {
    expect(lineOf(path)).toBe(line);
  });

  test('a key that is not there has the line of the nearest table around it', () => {
    expect(lineOf(['t', 'missing'])).toBe(6);
    expect(lineOf(['t', 'u.v', 'inline', 'missing', 'deeper'])).toBe(19);
    expect(lineOf(['nowhere'])).toBe(1);
  });

  test('keys in other places than their text suggests are not taken for keys', () => {
    expect(lineOf(['t', 'y'])).toBe(6);
    expect(lineOf(['not', 'a', 'table'])).toBe(1);
  });

  test('a table named by its children first and then by a header of its own has the line of the header', () => {
    const later = findTomlLines('[a.b]\nx = 1\n[a]\ny = 2\n');
    expect(later(['a'])).toBe(3);
    expect(later(['a', 'b'])).toBe(1);
  });

  test('CRLF line ends and a byte order mark do not shift lines', () => {
    const windows = findTomlLines('\uFEFFa = 1\r\n[b]\r\nc = 2\r\n');
    expect([windows(['a']), windows(['b']), windows(['b', 'c'])]).toEqual([1, 2, 3]);
  });
});
