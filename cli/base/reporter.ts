/** What the runner tells people while it works; never data. */
export interface Reporter {
  /** What goes on. */
  info(text: string): void;
  /** What a person should look at. */
  warn(text: string): void;
}
