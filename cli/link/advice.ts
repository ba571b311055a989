/** Notes, warnings and suggested commands (contract/cli-surface.md §4.4, §5.1), without duplicates, in order of detection. */

/** The three lists as documents carry them. */
export interface AdviceLists {
  warnings: string[];
  notes: string[];
  next_actions: string[];
}

/** Collects advice. */
export class AdviceCollector {
  readonly #warnings = new Set<string>();
  readonly #notes = new Set<string>();
  readonly #nextActions = new Set<string>();

  /** A problem, with the command that would help if there is one. */
  warn(message: string, command?: string): void {
    this.#warnings.add(message);
    if (command !== undefined) this.#nextActions.add(command);
  }

  /** Something good to know. */
  note(message: string, command?: string): void {
    this.#notes.add(message);
    if (command !== undefined) this.#nextActions.add(command);
  }

  /** Adds the advice of another report behind the own one. */
  append(lists: AdviceLists): void {
    for (const warning of lists.warnings) this.#warnings.add(warning);
    for (const note of lists.notes) this.#notes.add(note);
    for (const command of lists.next_actions) this.#nextActions.add(command);
  }

  lists(): AdviceLists {
    return {
      warnings: [...this.#warnings],
      notes: [...this.#notes],
      next_actions: [...this.#nextActions],
    };
  }
}

/** The commands that are suggested. */
export const COMMANDS = {
  init: 'git init',
  login: 'orp auth login',
  bind: 'orp link project bind --idea-id <idea-id> --json',
  register:
    'orp link session register --orp-session-id <session-id> --label <label> --codex-session-id <codex-session-id> --primary --json',
  setPrimary: 'orp link session set-primary <orp_session_id> --json',
  enable: 'orp runner enable --json',
  heartbeat: 'orp runner heartbeat --json',
} as const;

/** Quotes a word for a shell when it needs to be: ids and labels are people's words. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9_./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
