/** Highlighted sentences: receipts, errors, and texts for empty lists. */

import type { Child } from 'hono/jsx';
import type { Refusal } from '../../../spec/errors.ts';
import { shown, shownLine } from '../design/shown.ts';

/** The result of an order. */
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

/** Shows why a form was refused. */
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
