/** One load in flight, and the table of them. */
import { describe, expect, test } from '@jest/globals';
import { Flight, type FlightWaiter } from '../../../lib/clients/flight.js';
import { FlightTable } from '../../../lib/clients/flight-table.js';

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a flight', () => {
  test('ends with a value for all who wait', async () => {
    const flight = new Flight('k', false);
    const waiting = [flight.end, flight.end];
    flight.land({ source: 'load', value: 1 });
    expect(await Promise.all(waiting)).toEqual(Array(2).fill({ source: 'load', value: 1 }));
    await flight.left;
    expect([flight.isOver, flight.isOvertaken]).toEqual([true, false]);
  });

  test('ends with the very error of its loader, which may go unheard', async () => {
    const failure = new Error('the source is away');
    const flight = new Flight('k', false);
    flight.fail(failure);
    await flight.left;
    await settle();
    await expect(flight.end).rejects.toBe(failure);
  });

  test('that is given up aborts its signal, wants no result, and is left', async () => {
    const flight = new Flight('k', false);
    const { signal } = flight;
    const reason = new Error('nobody waits');
    flight.abandon(reason);
    expect(signal).toMatchObject({ aborted: true, reason });
    expect([flight.isOver, flight.isOvertaken]).toEqual([true, true]);
    await flight.left;
    await expect(flight.end).rejects.toBe(reason);
  });

  test('has an aborted signal for a loader that asks after it was given up', () => {
    const flight = new Flight('k', false);
    flight.abandon('why');
    expect(flight.signal).toMatchObject({ aborted: true, reason: 'why' });
  });

  test('G3: that is given up while it waits for its turn is over at once, and the next one waits for the first', async () => {
    const first = new Flight('k', false);
    const second = new Flight('k', false, first);
    const third = new Flight('k', false, second);
    let turns = 0;
    void third.awaitTurn().then(() => turns++);
    const given = second.awaitTurn().then(() => 'its turn');
    second.abandon('why');
    expect(second.isOver).toBe(true);
    expect(await given).toBe('its turn');
    await settle();
    expect(turns).toBe(0);
    first.land({ source: 'load', value: 1 });
    await settle();
    expect([turns, third.behind]).toEqual([1, undefined]);
  });

  test('that is given up goes on for its callers who are left, and is over with the last', () => {
    const flight = new Flight('k', false);
    const told: unknown[] = [];
    const caller = (): FlightWaiter => ({
      landed: (end) => told.push(end),
      failed: (error) => told.push(error),
      offered: () => undefined,
    });
    const [one, other] = [caller(), caller()];
    flight.join(one);
    flight.join(other);
    flight.leave(one, 'first');
    expect([flight.isOver, flight.waiters]).toEqual([false, 1]);
    flight.leave(one, 'again');
    expect(flight.waiters).toBe(1);
    flight.leave(other, 'second');
    expect([flight.isOver, told]).toEqual([true, []]);
  });

  test('G2: has a value past its TTL until the end of its stale window, and none that a write has overtaken', () => {
    const flight = new Flight('k', false);
    flight.stale = 'old';
    flight.staleEndMs = 1000;
    expect(flight.staleEnd(999)).toEqual({ source: 'l1', value: 'old', isStale: true });
    expect(flight.staleEnd(1000)).toBeUndefined();
    flight.isOvertaken = true;
    expect(flight.staleEnd(999)).toBeUndefined();
    flight.abandon('why');
    expect(flight.staleEnd(999)).toBeUndefined();
  });
});

describe('the table of flights', () => {
  test('has the newest flight of a key until it is left', async () => {
    const table = new FlightTable();
    const [first, second] = [new Flight('k', false), new Flight('k', true)];
    table.add(first, true);
    expect(table.get('k')).toBe(first);
    table.add(second, true);
    expect(table.get('k')).toBe(second);
    expect(table.size).toBe(2);
    first.land({ source: 'load', value: 1 });
    await settle();
    expect(table.get('k')).toBe(second);
    second.fail(new Error('the source is away'));
    await settle();
    expect(table.get('k')).toBeUndefined();
    expect(table.size).toBe(0);
  });

  test('gives the key back to the one before when a flight is given up before its turn', () => {
    const table = new FlightTable();
    const first = new Flight('k', false);
    table.add(first, true);
    for (let i = 0; i < 3; i++) {
      const next = new Flight('k', false, table.get('k'));
      table.add(next, true);
      next.abandon('why');
      expect(table.get('k')).toBe(first);
    }
    expect(table.size).toBe(1);
  });

  test('counts flights that nobody may join, and does not give them out', () => {
    const table = new FlightTable();
    const flight = new Flight('k', false);
    table.add(flight, false);
    expect(table.get('k')).toBeUndefined();
    expect(table.all()).toEqual([flight]);
  });

  test('G14: is empty when every flight is over', async () => {
    const table = new FlightTable();
    const flights = Array.from({ length: 100 }, (_, i) => new Flight(`k${i % 10}`, false));
    for (const [i, flight] of flights.entries()) table.add(flight, i % 2 === 0);
    for (const [i, flight] of flights.entries()) {
      if (i % 3 === 0) flight.land({ source: 'l2', value: i });
      else if (i % 3 === 1) flight.fail(new Error('the source is away'));
      else flight.abandon('why');
    }
    await settle();
    expect(table.size).toBe(0);
    expect(table.all()).toEqual([]);
    for (let i = 0; i < 10; i++) expect(table.get(`k${i}`)).toBeUndefined();
  });
});
