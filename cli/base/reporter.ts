/** Messages from the runner to people. Never data. */
export interface Reporter {
  /** Reports progress. */
  info(text: string): void;
  /** Reports a problem that a person should check. */
  warn(text: string): void;
}
