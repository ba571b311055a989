/** The functions of the runtime that the code uses: the clock, the log and random bytes. The code looks them up for each use. */
export const platform = {
  now: (): number => Date.now(),
  write: (line: string): void => console.log(line),
  randomBytes: (count: number): Uint8Array => crypto.getRandomValues(new Uint8Array(count)),
};
