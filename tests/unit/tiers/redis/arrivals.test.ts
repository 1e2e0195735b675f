/** Whether large replies are on their way over a socket, whatever arrives elsewhere. */
import { describe, expect, test } from '@jest/globals';
import { noteReply, watchSocket } from '../../../../lib/tiers/redis/arrivals.js';

const LARGE = 16 * 1024;

function newSocket(): { bytesRead: number; writableLength: number } {
  return { bytesRead: 0, writableLength: 0 };
}

describe('a large reply', () => {
  test('is moving while its bytes arrive, and is not when they stop', () => {
    const socket = newSocket();
    const hasMoved = watchSocket(socket);
    expect(hasMoved()).toBe(false);
    socket.bytesRead += LARGE;
    expect(hasMoved()).toBe(true);
    expect(watchSocket(socket)()).toBe(false);
  });

  test('on one socket is no smaller for a thousand small ones on another', () => {
    const [reads, writes] = [newSocket(), newSocket()];
    const hasMoved = watchSocket(reads);
    reads.bytesRead += 4 * LARGE;
    for (let i = 0; i < 1000; i++) {
      writes.bytesRead += 5;
      noteReply(writes);
    }
    expect(hasMoved()).toBe(true);
  });

  test('does not make up for small ones on its own socket (G6)', () => {
    const socket = newSocket();
    const hasMoved = watchSocket(socket);
    for (let i = 0; i < 1000; i++) {
      socket.bytesRead += 100;
      noteReply(socket);
    }
    expect(hasMoved()).toBe(false);
  });

  test('counts from the moment it is watched', () => {
    const socket = newSocket();
    for (let i = 0; i < 1000; i++) noteReply(socket);
    const hasMoved = watchSocket(socket);
    socket.bytesRead += LARGE;
    expect(hasMoved()).toBe(true);
  });
});

test('a large request is moving while the kernel takes its bytes', () => {
  const socket = { bytesRead: 0, writableLength: 10 * LARGE };
  const hasMoved = watchSocket(socket);
  socket.writableLength -= LARGE;
  expect(hasMoved()).toBe(true);
});

test('nothing moves without a socket', () => {
  expect(() => noteReply(undefined)).not.toThrow();
  expect(watchSocket(undefined)()).toBe(false);
});
