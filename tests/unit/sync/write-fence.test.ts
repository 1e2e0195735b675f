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

describe('the ticket of a call about many keys', () => {
  test('is overtaken key by key by calls that come later, by clears as a whole, and not by itself', () => {
    const fence = new WriteFence();
    const group = fence.openGroup();
    expect(fence.size).toBe(1);
    fence.actFor(group, () => {
      fence.overtake('own');
    });
    fence.overtake('later');
    expect(['own', 'later', 'other'].map((key) => group.isOvertaken(key))).toEqual([false, true, false]);
    fence.overtakeAll();
    expect(group.isOvertaken('other')).toBe(true);
    fence.closeGroup(group);
    expect(fence.size).toBe(0);
  });

  test('is overtaken by the invalidation of one of its tags only', () => {
    const fence = new WriteFence();
    const [tagged, untagged] = [fence.openGroup(['a', 'b']), fence.openGroup()];
    fence.overtakeTagged('c');
    expect([tagged.isOvertakenByTag, untagged.isOvertakenByTag]).toEqual([false, false]);
    fence.overtakeTagged('b');
    expect([tagged.isOvertakenByTag, untagged.isOvertakenByTag]).toEqual([true, false]);
  });

  test('two such calls: the later one overtakes the earlier one, whichever gets to a key first', () => {
    const fence = new WriteFence();
    const [earlier, later] = [fence.openGroup(), fence.openGroup()];
    fence.actFor(later, () => {
      fence.overtake('a');
    });
    fence.actFor(earlier, () => {
      fence.overtake('b');
    });
    expect([earlier.isOvertaken('a'), later.isOvertaken('b')]).toEqual([true, false]);
  });
});
