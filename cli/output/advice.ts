/** Notes, warnings and suggested commands, without duplicates, in order of detection. */

import { shellWord } from '../base/shell-word.ts';

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

/** The commands that are suggested as they are. */
export const COMMANDS = {
  init: 'git init',
  enable: 'orp runner enable',
  heartbeat: 'orp runner heartbeat',
  listSessions: 'orp link session list',
} as const;

/** Signs in, or finishes a sign-in that waits for its code. */
export function signInCommand({ pending_verification }: { pending_verification: object | null }): string {
  return pending_verification === null ? 'orp auth login' : 'orp auth verify';
}

/** Links the repository; what is not known stands in angle brackets. */
export function bindCommand(ideaId?: string): string {
  return `orp link project bind --idea-id ${known(ideaId, '<idea-id>')}`;
}

/** What is known of a session that is to be registered. */
export interface SessionToRegister {
  id?: string | undefined;
  label?: string | undefined;
  codexSessionId?: string | undefined;
  isPrimary?: boolean;
}

/** Registers a session, or completes one. */
export function registerCommand({ id, label, codexSessionId, isPrimary }: SessionToRegister): string {
  const words = [
    `--orp-session-id ${known(id, '<session-id>')}`,
    `--label ${known(label, '<label>')}`,
    `--codex-session-id ${known(codexSessionId, '<codex-session-id>')}`,
    ...(isPrimary ? ['--primary'] : []),
  ];
  return `orp link session register ${words.join(' ')}`;
}

/** A session as far as advice looks at it. */
interface Known {
  orp_session_id: string;
  label: string;
  state: string;
  codex_session_id?: string | undefined;
}

/** Makes the only session that can take work the primary one, or asks which. */
export function setPrimaryCommand(sessions: readonly Known[]): string {
  const able = sessions.filter(
    (session) => session.codex_session_id !== undefined && session.state === 'active',
  );
  const [only, ...others] = able.length > 0 ? able : sessions;
  const id = others.length === 0 ? only?.orp_session_id : undefined;
  return `orp link session set-primary ${known(id, '<orp_session_id>')}`;
}

/** Gives the session that is to take work what it lacks. */
export function completeCommand(sessions: readonly Known[], primary: Partial<Known>): string {
  const { orp_session_id: id = sessions[0]?.orp_session_id, label = sessions[0]?.label } = primary;
  return registerCommand({ id, label });
}

function known(value: string | undefined, placeholder: string): string {
  return value === undefined ? placeholder : shellWord(value);
}
