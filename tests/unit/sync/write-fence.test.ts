/** The fence alone: what a write overtakes, and that nothing is left behind. */
import { describe, expect, test } from '@jest/globals';
import { Flight } from '../../../lib/clients/flight.js';
import { WriteFence } from '../../../lib/sync/write-fence.js';

describe('G4: a write', () => {
  test('overtakes every open fetch of its key and no other', () => {
    const fence = new WriteFence();
    const tickets = [fence.open('a'), fence.open('a'), fence.open('b')];
    fence.overtake('a');
    expect(tickets.map(({ isOvertaken }) => isOvertaken)).toEqual([true, true, false]);
  });

  test('does not overtake what is opened after it, or was closed before', () => {
    const fence = new WriteFence();
    const early = fence.open('a');
    fence.close(early);
    fence.overtake('a');
    const late = fence.open('a');
    expect([early.isOvertaken, late.isOvertaken]).toEqual([false, false]);
  });

  test('of everything overtakes all keys', () => {
    const fence = new WriteFence();
    const tickets = ['a', 'b', 'c'].map((key) => fence.open(key));
    fence.overtakeAll();
    expect(tickets.every(({ isOvertaken }) => isOvertaken)).toBe(true);
    expect(fence.size).toBe(0);
  });

  test('finds the fetches that are left, whatever order others are closed in', () => {
    for (const order of [
      [0, 1],
      [1, 0],
      [0, 2],
      [2, 0],
      [1, 2],
      [2, 1],
    ]) {
      const fence = new WriteFence();
      const tickets = [fence.open('a'), fence.open('a'), fence.open('a')];
      for (const index of order) {
        const ticket = tickets[index];
        if (ticket !== undefined) fence.close(ticket);
      }
      fence.overtake('a');
      expect(tickets.map(({ isOvertaken }) => isOvertaken)).toEqual([0, 1, 2].map((index) => !order.includes(index)));
    }
  });
});

describe('G4: the invalidation of a tag', () => {
  test('overtakes what will have the tag, or may have it, and nothing else', () => {
    const fence = new WriteFence();
    const tickets = [
      fence.open('a', ['red']),
      fence.open('a', ['blue']),
      fence.open('a'),
      fence.open('b', ['blue', 'red']),
      fence.open('c', []),
    ];
    fence.overtakeTagged('red');
    expect(tickets.map(({ isOvertaken }) => isOvertaken)).toEqual([true, false, true, true, false]);
    fence.overtake('a');
    expect(tickets.map(({ isOvertaken }) => isOvertaken)).toEqual([true, true, true, true, false]);
  });

  test('leaves no ticket behind', () => {
    const fence = new WriteFence();
    const tickets = [fence.open('a', ['red']), fence.open('a'), fence.open('b', ['red'])];
    fence.overtakeTagged('red');
    for (const ticket of tickets) fence.close(ticket);
    expect(fence.size).toBe(0);
  });

  test('during the search for what is cached makes that unwanted, and not what is loaded next', () => {
    const fence = new WriteFence();
    const flight = new Flight('k', false, undefined, ['red']);
    fence.admit(flight);
    flight.stale = 'old';
    fence.overtakeTagged('red');
    expect(flight.isOvertaken).toBe(true);
    flight.start();
    expect([flight.isOvertaken, flight.stale]).toEqual([false, undefined]);
    fence.overtakeTagged('blue');
    expect(flight.isOvertaken).toBe(false);
    fence.overtakeTagged('red');
    expect(flight.isOvertaken).toBe(true);
  });

  test('before a write of the key makes the write no less final', () => {
    for (const writeFirst of [true, false]) {
      const fence = new WriteFence();
      const flight = new Flight('k', false, undefined, ['red']);
      fence.admit(flight);
      if (writeFirst) fence.overtake('k');
      fence.overtakeTagged('red');
      if (!writeFirst) fence.overtake('k');
      flight.start();
      expect(flight.isOvertaken).toBe(true);
    }
  });
});

describe('G14: the fence', () => {
  test('is empty when every fetch is closed, however it ended', () => {
    const fence = new WriteFence();
    const tickets = ['a', 'b', 'a', 'c', 'a'].map((key) => fence.open(key));
    fence.overtake('b');
    for (const ticket of tickets) fence.close(ticket);
    for (const ticket of tickets) fence.close(ticket);
    expect(fence.size).toBe(0);
  });

  test('is empty after loads that everybody has given up', () => {
    const fence = new WriteFence();
    for (let i = 0; i < 100; i++) {
      const flight = new Flight(`k${i}`, false);
      fence.admit(flight);
      flight.abandon(new Error('nobody waits'));
      flight.end.catch(() => undefined);
      fence.close(flight);
    }
    expect(fence.size).toBe(0);
  });

  test('does not let the closing of an overtaken fetch take away a newer one', () => {
    const fence = new WriteFence();
    const old = fence.open('a');
    fence.overtake('a');
    const young = fence.open('a');
    fence.close(old);
    fence.overtake('a');
    expect(young.isOvertaken).toBe(true);
  });
});
