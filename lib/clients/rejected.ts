/** What a refused call returns where an async function would cost every other call turns of the queue. */
export function rejected(error: Error): Promise<never> {
  return Promise.reject(error);
}
