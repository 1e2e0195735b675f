/** The lines that the health of a Redis is worth in the log: what happened, why, and what to do about it. */
import { sentences } from '../base/sentences.js';
import type { Logger } from '../observe/logger.js';
import { adviceFor, classifyRefusal, type Failure } from '../tiers/redis/redis-errors.js';
import type { HealthReport } from './health-events.js';

/** Writes one report. */
export function logHealth(logger: Logger, endpoint: string, report: HealthReport): void {
  switch (report.about) {
    case 'degraded': {
      const more = report.isFlapping
        ? 'It keeps coming and going: the next line about it will follow when it has been steady for 30 s.'
        : '';
      logger[levelOf(report.failure)](
        sentences(
          `Redis at ${endpoint} can't be used: ${report.failure.reason}`,
          adviceFor(report.failure.code),
          'L1 and loaders go on without it.',
          more,
        ),
      );
      return;
    }
    case 'changed':
      logger[levelOf(report.failure)](
        sentences(
          `Redis at ${endpoint} still can't be used, now for another reason: ${report.failure.reason}`,
          adviceFor(report.failure.code),
        ),
      );
      return;
    case 'recovered':
      logger.info(`Redis at ${endpoint} is back after ${(report.downMs / 1000).toFixed(1)} s.`);
      return;
    case 'steady':
      logger.info(`Redis at ${endpoint} is back and steady, after ${report.interruptions} interruptions.`);
      return;
    case 'refusing':
      logger[levelOf(report.failure)](
        sentences(
          `Redis at ${endpoint} refuses commands, and the others go on: ${report.failure.reason}`,
          adviceFor(report.failure.code),
        ),
      );
      return;
    case 'read-only':
      logger[levelOf(report.failure)](
        `Redis at ${endpoint} takes no writes: ${report.failure.reason}. ${adviceFor(report.failure.code)} Reads go on; writes go to the log until it takes one.`,
      );
      return;
    case 'writable':
      logger.info(`Redis at ${endpoint} takes writes again after ${(report.downMs / 1000).toFixed(1)} s.`);
      return;
    case 'allowing':
      logger.info(`Redis at ${endpoint} refuses no commands any more.`);
      return;
    case 'accepting':
      logger.info(`Redis at ${endpoint} takes new values again.`);
  }
}

/** What needs a person is an error; what passes is a warning. */
function levelOf({ code }: Failure): 'error' | 'warn' {
  return classifyRefusal(code) === 'permanent' ? 'error' : 'warn';
}
