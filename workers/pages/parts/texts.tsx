/** Times, ids and texts of strangers. */

import { shown, shownLine } from '../design/shown.ts';
import { exactWords, relativeWords } from '../design/words.ts';

/** Relative, and exact on hover or tap. */
export function Time({ at, now }: { at: string | number; now: number }) {
  const instant = typeof at === 'number' ? at : Date.parse(at);
  return (
    <time datetime={new Date(instant).toISOString()} title={exactWords(instant)} data-relative>
      {relativeWords(instant, now)}
    </time>
  );
}

/** To the second. */
export function Exact({ at }: { at: string | number }) {
  const instant = typeof at === 'number' ? at : Date.parse(at);
  return <time datetime={new Date(instant).toISOString()}>{exactWords(instant)}</time>;
}

/** An id that one click selects; with scripting a button copies it. */
export function CopyableId({ id, label = 'id' }: { id: string; label?: string }) {
  return (
    <span class="copyable">
      <code>{shown(id, 300)}</code>
      <button type="button" class="copy" data-copy={id} aria-label={`Copy the ${label}`} data-script>
        Copy
      </button>
    </span>
  );
}

const JOB_ID = /(job_[0-9a-z]{9,40})/;

/** A sentence of the server. Jobs that it names are links. */
export function Sentence({ text, limit = 600 }: { text: string; limit?: number }) {
  const parts = shownLine(text, limit).split(JOB_ID);
  return <>{parts.map((part, at) => (at % 2 === 0 ? part : <a href={`/jobs/${part}`}>{part}</a>))}</>;
}

/** A long text as it was written. */
export function Prose({ text, limit = 200_000 }: { text: string; limit?: number }) {
  return <div class="prose">{shown(text, limit)}</div>;
}
