/** The form that queues a review. It selects the context for the agent and adds a note. */

import type { Refusal } from '../../../spec/errors.ts';
import type { FeatureRow } from '../../store/features.ts';
import { shownLine } from '../design/shown.ts';
import { Field } from '../parts/forms.tsx';
import { ErrorNote } from '../parts/notes.tsx';
import { type Choice, PART_NAMES, PARTS } from './review-choice.ts';

interface Props {
  idea: { id: string };
  features: readonly FeatureRow[];
  choice: Choice;
  refusal: Refusal | undefined;
}

/** The maximum number of features in the form. It is higher than the number that one review may name. */
const FEATURES_LIMIT = 200;

export function ReviewForm({ idea, features, choice, refusal }: Props) {
  return (
    <section>
      <h2>Queue a review</h2>
      <form method="post" action={`/ideas/${idea.id}/reviews`} class="sheet">
        <ErrorNote refusal={refusal} />
        <p class="quiet">
          An agent reads the repository and reports the state of the idea and what to do next. It changes
          nothing.
        </p>
        <input type="hidden" name="key" value={choice.key} />
        <fieldset>
          <legend>The agent is told</legend>
          {PART_NAMES.map((name) => (
            <label class="check">
              <input type="checkbox" name={name} value="1" checked={choice.parts.includes(name)} />{' '}
              {PARTS[name]}
            </label>
          ))}
        </fieldset>
        {features.length > 0 && (
          <fieldset>
            <legend>Features</legend>
            {features.slice(0, FEATURES_LIMIT).map(({ id, title }) => (
              <label class="check">
                <input type="checkbox" name="feature" value={id} checked={choice.features.includes(id)} />{' '}
                {shownLine(title, 120)}
              </label>
            ))}
          </fieldset>
        )}
        <Field name="note" label="Note for the agent (optional)">
          <textarea id="field-note" name="note" rows={3} maxlength={32768}>
            {choice.note}
          </textarea>
        </Field>
        <button type="submit" class="button button-main">
          Queue the review
        </button>
      </form>
    </section>
  );
}
