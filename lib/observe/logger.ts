/**
 * Logging that cannot hurt (G10): a failing logger changes nothing but its own output. winston is loaded when the first
 * line is written, because most processes never write one and it would double the start-up time.
 */
import { createRequire } from 'node:module';
import type * as Winston from 'winston';
import { redactSecrets } from '../base/redact-secrets.js';

/** What a logger needs to have; `console` fits. */
export interface Logger {
  /** Something was lost or needs a person. */
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** Something works less well than it should, such as an outage of Redis. */
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** Something changed for the better, such as the end of an outage. */
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** Details of single calls. */
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

type Level = keyof Logger;

/** npm levels by rank; a message is written when its rank is at most the configured one. */
const RANK: Readonly<Record<string, number>> = {
  silent: -1,
  error: 0,
  warn: 1,
  info: 2,
  http: 3,
  verbose: 4,
  debug: 5,
  silly: 6,
};

/** The default logger: winston on the console, one line a message, created on first use. */
class ConsoleLogger implements Logger {
  readonly #level: string;
  #winston: Winston.Logger | undefined;

  constructor(level: string) {
    this.#level = level;
  }

  error(message: string, fields?: Readonly<Record<string, unknown>>): void {
    this.#write('error', message, fields);
  }

  warn(message: string, fields?: Readonly<Record<string, unknown>>): void {
    this.#write('warn', message, fields);
  }

  info(message: string, fields?: Readonly<Record<string, unknown>>): void {
    this.#write('info', message, fields);
  }

  debug(message: string, fields?: Readonly<Record<string, unknown>>): void {
    this.#write('debug', message, fields);
  }

  #write(level: Level, message: string, fields?: Readonly<Record<string, unknown>>): void {
    this.#winston ??= createWinston(this.#level);
    this.#winston.log(level, message, fields);
  }
}

function createWinston(level: string): Winston.Logger {
  const winston = createRequire(import.meta.url)('winston') as typeof Winston;
  const { combine, timestamp, printf } = winston.format;
  const line = printf(({ level: name, message, timestamp: time, ...fields }) => {
    const rest = Object.keys(fields).length === 0 ? '' : ` ${JSON.stringify(fields)}`;
    return `${String(time)} oxcache ${name}: ${String(message)}${rest}`;
  });
  const logger = winston.createLogger({ level, format: combine(timestamp(), line) });
  // Standard output belongs to the program.
  logger.add(new winston.transports.Console({ stderrLevels: ['error', 'warn', 'info', 'debug'] }));
  return logger;
}

/** Whether messages of a level are written where `global.log_level` is `limit`. */
export function isWritten(name: Level, limit: string): boolean {
  return (RANK[name] ?? 0) <= (RANK[limit] ?? RANK['info'] ?? 2);
}

/** Keys may be addresses; the name of a service is what people search a log for, and is left alone. */
function redactFields(fields: Readonly<Record<string, unknown>> | undefined): Readonly<Record<string, unknown>> | undefined {
  if (fields === undefined) return undefined;
  const redact = ([name, value]: [string, unknown]): [string, unknown] => [
    name,
    typeof value === 'string' && name !== 'service' ? redactSecrets(value) : value,
  ];
  return Object.fromEntries(Object.entries(fields).map(redact));
}

/** Wraps a user's logger, or makes the default one, so that it respects `level`, never throws and never sees a secret. */
export function createLogger(level: string, logger?: Logger): Logger {
  const sink = logger ?? new ConsoleLogger(level);
  const write = (name: Level) => {
    const isSilent = !isWritten(name, level);
    return (message: string, fields?: Readonly<Record<string, unknown>>): void => {
      if (isSilent) return;
      try {
        const result: unknown = sink[name](redactSecrets(message), redactFields(fields));
        if (result instanceof Promise) result.catch(() => undefined);
      } catch {
        // A logger that fails is the user's to find; the cache goes on.
      }
    };
  };
  return { error: write('error'), warn: write('warn'), info: write('info'), debug: write('debug') };
}
