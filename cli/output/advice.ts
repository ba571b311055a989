/** Notes, warnings and suggested commands, without duplicates, in order of detection. */

import { shellWord } from '../base/shell-word.ts';

/** The three lists as they appear in documents. */
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

  /** Adds a problem, and the command that fixes it, if any. */
  warn(message: string, command?: string): void {
    this.#warnings.add(message);
    if (command !== undefined) this.#nextActions.add(command);
  }

  /** Adds a piece of information. */
  note(message: string, command?: string): void {
    this.#notes.add(message);
    if (command !== undefined) this.#nextActions.add(command);
  }

  /** Appends the advice of another report. */
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

/** Suggested commands without parameters. */
export const COMMANDS = {
  init: 'git init',
  enable: 'orp runner enable',
  heartbeat: 'orp runner heartbeat',
  listSessions: 'orp link session list',
} as const;

/** The command that signs in, or that finishes a sign-in waiting for its code. */
export function signInCommand({ pending_verification }: { pending_verification: object | null }): string {
  return pending_verification === null ? 'orp auth login' : 'orp auth verify';
}

/** The command that links the repository. Unknown values appear as `<placeholders>`. */
export function bindCommand(ideaId?: string): string {
  return `orp link project bind --idea-id ${known(ideaId, '<idea-id>')}`;
}

/** The known facts of a session to register. */
export interface SessionToRegister {
  id?: string | undefined;
  label?: string | undefined;
  codexSessionId?: string | undefined;
  isPrimary?: boolean;
}

/** The command that registers or completes a session. */
export function registerCommand({ id, label, codexSessionId, isPrimary }: SessionToRegister): string {
  const words = [
    `--orp-session-id ${known(id, '<session-id>')}`,
    `--label ${known(label, '<label>')}`,
    `--codex-session-id ${known(codexSessionId, '<codex-session-id>')}`,
    ...(isPrimary ? ['--primary'] : []),
  ];
  return `orp link session register ${words.join(' ')}`;
}

/** The facts of a session that advice needs. */
interface Known {
  orp_session_id: string;
  label: string;
  state: string;
  codex_session_id?: string | undefined;
}

/** The command that makes the only usable session primary. With several, the id is a placeholder. */
export function setPrimaryCommand(sessions: readonly Known[]): string {
  const able = sessions.filter(
    (session) => session.codex_session_id !== undefined && session.state === 'active',
  );
  const [only, ...others] = able.length > 0 ? able : sessions;
  const id = others.length === 0 ? only?.orp_session_id : undefined;
  return `orp link session set-primary ${known(id, '<orp_session_id>')}`;
}

/** The command that adds a missing Codex session id to the primary session. */
export function completeCommand(sessions: readonly Known[], primary: Partial<Known>): string {
  const { orp_session_id: id = sessions[0]?.orp_session_id, label = sessions[0]?.label } = primary;
  return registerCommand({ id, label });
}

function known(value: string | undefined, placeholder: string): string {
  return value === undefined ? placeholder : shellWord(value);
}
