/** The functions that the code uses from the runtime: the clock, the log and random bytes. Looked up again for each use. */
export const platform = {
  now: (): number => Date.now(),
  write: (line: string): void => console.log(line),
  randomBytes: (count: number): Uint8Array => crypto.getRandomValues(new Uint8Array(count)),
};
