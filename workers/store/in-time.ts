/**
 * Returns the result of `work`. If that takes longer than `waitMs`, calls `late` and returns its result. The work itself is
 * not stopped.
 */
export async function inTime<T>(work: Promise<T>, waitMs: number, late: () => T): Promise<T> {
  let stop = (): void => undefined;
  const timeout = new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => {
      try {
        resolve(late());
      } catch (error) {
        reject(error);
      }
    }, waitMs);
    stop = () => clearTimeout(timer);
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    stop();
  }
}
