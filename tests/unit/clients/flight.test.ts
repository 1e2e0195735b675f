/** One load in flight, and the table of them. */
import { describe, expect, test } from '@jest/globals';
import { Flight } from '../../../lib/clients/flight.js';
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

  test('G3: that is given up while it waits for its turn is left when that has come', async () => {
    const first = new Flight('k', false);
    const second = new Flight('k', false, first.left);
    second.abandon('why');
    let isLeft = false;
    void second.left.then(() => {
      isLeft = true;
    });
    await settle();
    expect(isLeft).toBe(false);
    first.land({ source: 'load', value: 1 });
    await settle();
    expect(isLeft).toBe(true);
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
