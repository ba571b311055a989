/**
 * The result of `work`, or, when that takes longer than `waitMs`, what `late` returns or throws. The work is not
 * stopped: what was sent cannot be undone.
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
