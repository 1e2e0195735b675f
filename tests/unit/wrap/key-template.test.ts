import { describe, expect, test } from '@jest/globals';
import { compileTemplate } from '../../../lib/wrap/key-template.js';
import type { ParameterList } from '../../../lib/wrap/parameter-names.js';

const api: ParameterList = { names: ['endpoint', 'version'], isOpen: false };
const unknown: ParameterList = { names: [], isOpen: true };

const fill = (template: string, args: unknown[], parameters = unknown): string => compileTemplate(template, parameters)(args);

describe('key templates', () => {
  test.each<[string, unknown[], string]>([
    ['api_{endpoint}_{version}', ['users', 2], 'api_users_2'],
    ['api_{version}_{endpoint}', ['users', 2], 'api_2_users'],
    ['api_{1}', ['users', 2], 'api_2'],
    ['{endpoint.path.length}!', [{ path: '/a' }, 2], '2!'],
    ['{0.path}', [{ path: '/a' }], '/a'],
  ])('%s takes parameters by name, position and path', (template, args, key) => {
    expect(fill(template, args, api)).toBe(key);
  });

  test.each<[unknown, string]>([
    [42, 'user:42'],
    ['42', 'user:42'],
    ['anna:müller 😀', 'user:anna:müller 😀'],
    [-1.5, 'user:-1.5'],
    [10n, 'user:10'],
    [true, 'user:true'],
    ['', 'user:'],
    [null, 'user:null'],
    ['null', 'user:%$null'],
    [undefined, 'user:undefined'],
    ['undefined', 'user:%$undefined'],
    ['100%', 'user:100%25'],
    ['a\nb', 'user:a%0Ab'],
    ['\ud800', 'user:%ud800'],
    [{ b: '2', a: 1 }, 'user:%={"a":1,"b":"2"}'],
    ['{"a":1}', 'user:{"a":1}'],
    [new Date(0), 'user:%=Date(1970-01-01T00:00:00.000Z)'],
  ])('the value %p is written as %s', (value, key) => {
    expect(fill('user:{0}', [value])).toBe(key);
  });

  test('values that hold the separator stay apart', () => {
    expect(fill('{0}_{1}', ['x_y', 'z'])).toBe('x%5Fy_z');
    expect(fill('{0}_{1}', ['x', 'y_z'])).toBe('x_y_z');
  });

  test('numbers that hold the separator stay apart', () => {
    expect(fill('{0}-{1}', [1, -2])).not.toBe(fill('{0}-{1}', ['1-', 2]));
    expect(fill('{0}.{1}', [1.5, 2])).not.toBe(fill('{0}.{1}', [1, 5.2]));
  });

  test('a percent sign of the template is doubled, so that it is no escape', () => {
    expect(fill('{0}%{1}', ['a%', 'b'])).not.toBe(fill('{0}%{1}', ['a', '%b']));
    expect(fill('100%:{0}', ['a'])).toBe('100%%:a');
  });

  test('a missing property, or a property of nothing, is undefined', () => {
    expect(fill('{0.user.id}', [{}])).toBe('undefined');
    expect(fill('{0.user.id}', [null])).toBe('undefined');
  });

  test('a slot alone and an empty string still make a key', () => {
    expect(fill('{0}', [''])).toBe('%');
  });

  test.each(['user', 'user:{id', 'user:}', '{0}}', 'user:{{0}}'])('%s without a proper slot is a TypeError', (template) => {
    expect(() => compileTemplate(template, unknown)).toThrow(TypeError);
    expect(() => compileTemplate(template, unknown)).toThrow(/matching braces/);
  });

  test('adjacent slots are a TypeError: nothing would tell their values apart', () => {
    expect(() => compileTemplate('{0}{1}', unknown)).toThrow(/text between two slots/);
  });

  test.each(['{endpont}', '{}', '{2}', '{version.}', '{.a}'])(
    '%s, which the function does not have, is a TypeError that says what it has',
    (slot) => {
      expect(() => compileTemplate(`api_${slot}`, api)).toThrow(TypeError);
      expect(() => compileTemplate(`api_${slot}`, api)).toThrow(`got "${slot}"`);
      expect(() => compileTemplate(`api_${slot}`, api)).toThrow(/\{endpoint\}, \{version\}, or by position "\{0\}"/);
    },
  );

  test('a slip of the pen is answered with the nearest name', () => {
    expect(() => compileTemplate('api_{endpont}', api)).toThrow(/did you mean "\{endpoint\}"/);
  });

  test('a name where none is known is a TypeError that suggests positions', () => {
    expect(() => compileTemplate('user:{id}', unknown)).toThrow(/names of its parameters are not known.*"\{0\}"/);
  });

  test('a position is taken on trust where the function may read more arguments than it declares', () => {
    expect(fill('{3}', [0, 1, 2, 3], { names: ['a', undefined], isOpen: true })).toBe('3');
    expect(fill('{0}', [7], { names: [], isOpen: false })).toBe('7');
  });

  test('a value without a text is a TypeError that names the slot', () => {
    const load = compileTemplate('api_{endpoint}', api);
    expect(() => load([() => 1])).toThrow(/\{endpoint\}.*a function/);
    expect(() => load([Symbol('s')])).toThrow(/\{endpoint\}.*a symbol/);
  });
});
