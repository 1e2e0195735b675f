/** A disk that hangs must not hang its callers: what it is asked for fails after a while, whatever it does later. */
import type { Clock } from '../base/clock.js';
import { AWAITED, Deadline } from '../base/deadline.js';

/** How long the disk may take. */
export const DISK_DEADLINE_MS = 2000;

/** The result of `work`. @throws an error with the code `ETIMEDOUT` when it takes longer than {@link DISK_DEADLINE_MS} */
export function withinDeadline<T>(clock: Clock, work: Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onDeadline = (): void => {
      reject(Object.assign(new Error(`The disk did not answer within ${DISK_DEADLINE_MS} ms`), { code: 'ETIMEDOUT' }));
    };
    const deadline = new Deadline(clock, DISK_DEADLINE_MS, onDeadline, AWAITED);
    work.then(
      (result) => {
        deadline.cancel();
        resolve(result);
      },
      (error: unknown) => {
        deadline.cancel();
        const failure = error as Error;
        reject(failure);
      },
    );
  });
}
