/**
 * Derives facts from the events of a Codex run: its session, the end of its turn, and whether the prompt had an effect. The exit
 * code is not reliable: Codex exits with 0 after some failures.
 */

import type { TurnFacts } from './agent.ts';

/** The relevant parts of an event. */
export interface TurnEvent {
  type: string;
  threadId?: string | undefined;
  itemType?: string | undefined;
}

/** Items without an effect: reasoning, and errors of Codex itself. */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set(['reasoning', 'error']);
/** Events without an effect that are not items. */
const PROGRESS: ReadonlySet<string> = new Set([
  'thread.started',
  'turn.started',
  'turn.completed',
  'turn.failed',
  'error',
]);

export class CodexTurn implements TurnFacts {
  sessionId: string | undefined;
  state: TurnFacts['state'] = 'unknown';
  hasEvents = false;
  hasEffect = false;

  /** Reads one line of stdout. Unknown lines are treated as effects. */
  note(event: TurnEvent | undefined): void {
    if (event === undefined) {
      this.hasEffect = true;
      return;
    }
    this.hasEvents = true;
    if (!PROGRESS.has(event.type)) this.hasEffect ||= !WITHOUT_EFFECT.has(event.itemType ?? '');
    this.#follow(event);
  }

  #follow({ type, threadId }: TurnEvent): void {
    switch (type) {
      case 'thread.started':
        this.sessionId = threadId || this.sessionId;
        return;
      case 'turn.started':
        this.state = 'open';
        return;
      case 'error':
        // The message is not final (for example "Reconnecting…"), so the turn may still complete.
        if (this.state === 'unknown') this.state = 'open';
        return;
      case 'turn.completed':
        this.state = 'completed';
        return;
      case 'turn.failed':
        this.state = 'failed';
        return;
    }
  }
}
