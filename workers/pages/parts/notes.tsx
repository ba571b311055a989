/** Sentences that stand out: what was just done, what is wrong, and what there is when there is nothing. */

import type { Child } from 'hono/jsx';
import type { Refusal } from '../../../spec/errors.ts';
import { shown, shownLine } from '../design/shown.ts';

/** What came of an order. */
export interface Receipted {
  tone: 'done' | 'warning' | 'error';
  text: string;
}

export function Receipt({ tone, text }: Receipted) {
  return (
    <p class={`note note-${tone}`} role={tone === 'done' ? 'status' : 'alert'}>
      {shown(text, 1000)}
    </p>
  );
}

/** Why a form was refused. */
export function ErrorNote({ refusal }: { refusal: Pick<Refusal, 'message' | 'hint'> | undefined }) {
  if (refusal === undefined) return null;
  return (
    <div class="note note-error" role="alert" id="error">
      <p>{shown(refusal.message, 1000)}</p>
      {refusal.hint && <p class="quiet">{shown(refusal.hint, 500)}</p>}
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: Child }) {
  return (
    <div class="empty">
      <p class="empty-title">{shownLine(title)}</p>
      {children && <div class="quiet">{children}</div>}
    </div>
  );
}
