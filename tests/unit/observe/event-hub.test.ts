/** Events: who hears them, and that bad listeners hurt nobody (G10). */
import { describe, expect, test } from '@jest/globals';
import { EventHub } from '../../../lib/observe/event-hub.js';

const miss = { service: 's', key: 'k' };

describe('EventHub', () => {
  test('calls the listeners of an event in their order, then those of the parent', () => {
    const parent = new EventHub();
    const hub = new EventHub(parent);
    const heard: string[] = [];
    parent.on('miss', () => heard.push('parent'));
    hub.on('miss', () => heard.push('first'));
    hub.on('miss', () => heard.push('second'));
    hub.on('hit', () => heard.push('another event'));
    hub.emit('miss', miss);
    expect(heard).toEqual(['first', 'second', 'parent']);
  });

  test('does not carry events from the parent down, or to a sibling', () => {
    const parent = new EventHub();
    const [hub, sibling] = [new EventHub(parent), new EventHub(parent)];
    const heard: string[] = [];
    hub.on('miss', () => heard.push('hub'));
    sibling.on('miss', () => heard.push('sibling'));
    parent.emit('miss', miss);
    sibling.emit('miss', miss);
    expect(heard).toEqual(['sibling']);
  });

  test('hears what has a listener here or at the parent', () => {
    const parent = new EventHub();
    const hub = new EventHub(parent);
    const listener = (): void => undefined;
    expect(hub.hears('miss')).toBe(false);
    parent.on('miss', listener);
    expect(hub.hears('miss')).toBe(true);
    parent.off('miss', listener);
    expect(hub.hears('miss')).toBe(false);
  });

  test('keeps hearsHits right, whoever comes and goes', () => {
    const parent = new EventHub();
    const early = new EventHub(parent);
    const listener = (): void => undefined;
    parent.on('hit', listener);
    const late = new EventHub(parent);
    expect([early.hearsHits, late.hearsHits]).toEqual([true, true]);
    early.on('hit', listener);
    parent.off('hit', listener);
    expect([early.hearsHits, late.hearsHits]).toEqual([true, false]);
    early.off('hit', listener);
    expect(early.hearsHits).toBe(false);
  });

  test('ignores the removal of a listener that was never added', () => {
    const hub = new EventHub();
    hub.off('miss', () => undefined);
    expect(hub.hears('miss')).toBe(false);
  });

  test('refuses a listener that is no function', () => {
    expect(() => {
      new EventHub().on('miss', 'listener' as never);
    }).toThrow(TypeError);
  });

  test('G10: goes on after listeners that throw or reject, at the parent too', async () => {
    const parent = new EventHub();
    const hub = new EventHub(parent);
    const heard: string[] = [];
    for (const each of [hub, parent]) {
      each.on('miss', () => {
        throw new Error('a bad listener');
      });
      each.on('miss', () => Promise.reject(new Error('a bad listener')) as never);
      // A promise of another kind: with a `then` of its own.
      each.on('miss', () => ({ then: (_resolve: unknown, reject: (error: Error) => void) => reject(new Error('bad')) }) as never);
      each.on('miss', () => heard.push(each === hub ? 'hub' : 'parent'));
    }
    hub.emit('miss', miss);
    await new Promise((resolve) => setImmediate(resolve));
    expect(heard).toEqual(['hub', 'parent']);
  });

  test('lets a listener remove itself, or add another, while it is called', () => {
    const hub = new EventHub();
    const heard: string[] = [];
    const once = (): void => {
      heard.push('once');
      hub.off('miss', once);
      hub.on('miss', () => heard.push('added'));
    };
    hub.on('miss', once);
    hub.on('miss', () => heard.push('always'));
    hub.emit('miss', miss);
    hub.emit('miss', miss);
    expect(heard).toEqual(['once', 'always', 'always', 'added']);
  });

  test('is silent after it was closed', () => {
    const parent = new EventHub();
    const hub = new EventHub(parent);
    const heard: string[] = [];
    hub.on('miss', () => heard.push('hub'));
    hub.close();
    hub.emit('miss', miss);
    expect(heard).toEqual([]);
    parent.on('hit', () => undefined);
    parent.close();
    expect(parent.hears('hit')).toBe(false);
  });
});
