/** Renders times, ids and untrusted texts. */

import { shown, shownLine } from '../design/shown.ts';
import { exactWords, relativeWords } from '../design/words.ts';

/** Shows a relative time, and the exact time on hover or tap. */
export function Time({ at, now }: { at: string | number; now: number }) {
  const instant = typeof at === 'number' ? at : Date.parse(at);
  return (
    <time datetime={new Date(instant).toISOString()} title={exactWords(instant)} data-relative>
      {relativeWords(instant, now)}
    </time>
  );
}

/** Shows a time, exact to the second. */
export function Exact({ at }: { at: string | number }) {
  const instant = typeof at === 'number' ? at : Date.parse(at);
  return <time datetime={new Date(instant).toISOString()}>{exactWords(instant)}</time>;
}

/** Shows an id that one click selects. With scripting, a button copies the id. */
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

const SPECIAL = /(job_[0-9a-z]{9,40}|\d{4}-\d\d-\d\d \d\d:\d\d UTC)/;

/** Shows a sentence of the server. The ids of jobs become links, and times stay in one line. */
export function Sentence({ text, limit = 600 }: { text: string; limit?: number }) {
  return (
    <>
      {shownLine(text, limit)
        .split(SPECIAL)
        .map((part, at) => (at % 2 === 0 ? part : special(part)))}
    </>
  );
}

function special(part: string) {
  return part.startsWith('job_') ? <a href={`/jobs/${part}`}>{part}</a> : <span class="moment">{part}</span>;
}
