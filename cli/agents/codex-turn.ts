/**
 * What the events of one run of Codex prove: which session it works in, how its turn ended, and whether anything of the
 * prompt took effect. The exit code proves none of it: Codex exits 0 after some failures.
 */

import type { TurnFacts } from './agent.ts';

/** An event as far as it matters here; undefined: a line that is no event. */
export interface TurnEvent {
  type: string;
  threadId?: string | undefined;
  itemType?: string | undefined;
}

/** Items of a turn that has done nothing yet: thoughts, and Codex's remarks about itself. */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set(['reasoning', 'error']);
/** Events that are no items and change nothing. */
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

  /** Takes one line of stdout. What is not understood may have been anything, so it counts as an effect. */
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
        // A remark, such as "Reconnecting…", until the turn completes after it.
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
