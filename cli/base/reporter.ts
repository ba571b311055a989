/** What the runner tells people while it works; never data. */
export interface Talk {
  /** What goes on. */
  note(text: string): void;
  /** What a person should look at. */
  warn(text: string): void;
}
