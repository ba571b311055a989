/** What the code takes from the runtime: time, a place for log lines, and random bytes. Looked up here with every use. */
export const platform = {
  now: (): number => Date.now(),
  write: (line: string): void => console.log(line),
  randomBytes: (count: number): Uint8Array => crypto.getRandomValues(new Uint8Array(count)),
};
