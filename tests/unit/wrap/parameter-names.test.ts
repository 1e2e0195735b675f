import { runInThisContext } from 'node:vm';
import { describe, expect, test } from '@jest/globals';
import { readParameterNames } from '../../../lib/wrap/parameter-names.js';

/** Functions as written, untouched by the compiler of the tests. */
function written(source: string): (...args: never[]) => unknown {
  return runInThisContext(`(${source})`) as (...args: never[]) => unknown;
}

describe('parameter names', () => {
  test.each<[string, (string | undefined)[]]>([
    ['function f(a, b) {}', ['a', 'b']],
    ['async function f(a,b,) {}', ['a', 'b']],
    ['function* f(a) {}', ['a']],
    ['function () {}', []],
    ['a => a', ['a']],
    ['async a => a', ['a']],
    ['async => async', ['async']],
    ['(a, b) => a', ['a', 'b']],
    ['async ($a, _b, ünïcode) => 1', ['$a', '_b', 'ünïcode']],
    ['({ load(id, version) {} }).load', ['id', 'version']],
    ['({ async load(id) {} }).load', ['id']],
    ['({ async *load(id) {} }).load', ['id']],
    ['({ "lo(ad"(id) {} })["lo(ad"]', ['id']],
    ['({ [String("lo" + ("ad"))](id) {} }).load', ['id']],
    ['({ get load() { return 1 } }, Object.getOwnPropertyDescriptor({ get load() { return 1 } }, "load").get)', []],
    ['function f(a = ")", b = [1, (2)], c = { d: "," }) {}', ['a', 'b', 'c']],
    ['function f(a = (x, y) => x, b = `t,)`) {}', ['a', 'b']],
    ['function f(/* first, ( */ a /* ) */, // second )\n b) {}', ['a', 'b']],
    ['function /* ( */ f(a) {}', ['a']],
    ['function f({ a }, [b], c) {}', [undefined, undefined, 'c']],
    ['function f(a, ...rest) {}', ['a', undefined]],
  ])('of %s are %j', (source, names) => {
    expect(readParameterNames(written(source)).names).toEqual(names);
  });

  test.each<[string, (...args: never[]) => unknown]>([
    ['a native function', Math.max],
    ['a bound function', written('function f(a) {}').bind(null)],
    ['a default with a regular expression or a division', written('function f(a = /[)]/, b) {}')],
    ['a default with a nested template', written('function f(a = `${")"}`) {}')],
  ])('of %s are unknown', (_, fn) => {
    expect(readParameterNames(fn)).toEqual({ names: [], isOpen: true });
  });

  test('a rest parameter or the use of `arguments` leaves the list open', () => {
    expect(readParameterNames(written('(a, ...rest) => 1')).isOpen).toBe(true);
    expect(readParameterNames(written('function f() { return g.apply(this, arguments) }')).isOpen).toBe(true);
    expect(readParameterNames(written('(a, b) => 1')).isOpen).toBe(false);
  });
});
