/** The logger: levels, and that neither a failing one nor a secret does harm. */
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { createLogger, type Logger } from '../../../lib/observe/logger.js';

interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: unknown;
}

function makeSink(): { readonly lines: Line[]; readonly logger: Logger } {
  const lines: Line[] = [];
  const write = (level: string) => (message: string, fields?: unknown) => void lines.push({ level, message, fields });
  return { lines, logger: { error: write('error'), warn: write('warn'), info: write('info'), debug: write('debug') } };
}

const LEVELS = ['error', 'warn', 'info', 'debug'] as const;

function logAll(logger: Logger): void {
  for (const level of LEVELS) logger[level](`a message of ${level}`, { service: 's' });
}

afterEach(() => {
  jest.restoreAllMocks();
});

describe('a logger', () => {
  test.each([
    ['silent', 0],
    ['error', 1],
    ['warn', 2],
    ['info', 3],
    ['http', 3],
    ['verbose', 3],
    ['debug', 4],
    ['silly', 4],
  ])('with level %s writes the %i most important levels', (level, count) => {
    const { lines, logger } = makeSink();
    logAll(createLogger(level, logger));
    expect(lines.map((line) => line.level)).toEqual(LEVELS.slice(0, count));
  });

  test('hands on message and fields', () => {
    const { lines, logger } = makeSink();
    createLogger('info', logger).warn('a message', { service: 's', key: 'k' });
    expect(lines).toEqual([{ level: 'warn', message: 'a message', fields: { service: 's', key: 'k' } }]);
  });

  test('calls the methods on their object', () => {
    class OwnLogger {
      readonly seen: string[] = [];
      error(message: string): void {
        this.seen.push(message);
      }
      warn = this.error;
      info = this.error;
      debug = this.error;
    }
    const own = new OwnLogger();
    createLogger('info', own).error('a message');
    expect(own.seen).toEqual(['a message']);
  });

  test('G10: that throws or rejects changes nothing', async () => {
    const fail = (): never => {
      throw new Error('a bad logger');
    };
    logAll(createLogger('silly', { error: fail, warn: fail, info: fail, debug: fail }));
    const reject = (): never => Promise.reject(new Error('a bad logger')) as never;
    logAll(createLogger('silly', { error: reject, warn: reject, info: reject, debug: reject }));
    await new Promise((resolve) => setImmediate(resolve));
  });

  test('G11: gets no credentials of URLs', () => {
    const { lines, logger } = makeSink();
    createLogger('info', logger).error('no answer from redis://user:hunter2@cache.internal:6379/0?password=hunter2');
    expect(JSON.stringify(lines)).not.toContain('hunter2');
    expect(lines[0]?.message).toContain('cache.internal:6379');
  });
});

describe('the default logger', () => {
  test('writes one line a message to standard error, with time, level and fields', async () => {
    const written: string[] = [];
    // winston writes through the console's own stream where there is one.
    const console_ = console as unknown as { _stderr?: { write: (text: string) => boolean } };
    const before = console_._stderr;
    console_._stderr = {
      write: (text) => {
        written.push(text);
        return true;
      },
    };
    try {
      const logger = createLogger('info');
      logger.info('a message', { service: 's' });
      logger.debug('not written');
      await new Promise((resolve) => setImmediate(resolve));
    } finally {
      if (before === undefined) delete console_._stderr;
      else console_._stderr = before;
    }
    expect(written).toHaveLength(1);
    expect(written[0]).toMatch(/^\d{4}-\d\d-\d\dT\S+ oxcache info: a message \{"service":"s"\}\n$/);
  });
});
