/** The form for the next prompt. It says what happens if the prompt is sent now, and offers the options of the job. */

import type { Refusal } from '../../../spec/errors.ts';
import type { SendableSession } from '../../jobs/sessions.ts';
import { Field, Select } from '../parts/forms.tsx';
import { ErrorNote } from '../parts/notes.tsx';
import { Sentence } from '../parts/texts.tsx';
import { CHOICES, type ChoiceName, type Draft } from './draft.ts';

interface Props {
  path: string;
  session: SendableSession;
  draft: Draft;
  refusal: Refusal | undefined;
}

const LABELS: readonly (readonly [ChoiceName, string])[] = [
  ['notBefore', 'When'],
  ['priority', 'Order'],
  ['expires', 'If it cannot run'],
  ['onLeaseLoss', 'If the machine stops responding while the agent works'],
  ['sessionFallback', 'If this session cannot take it'],
];

export function PromptForm({ path, session, draft, refusal }: Props) {
  return (
    <form method="post" action={`${path}/prompts`} class="prompt-form" id="prompt">
      <ErrorNote refusal={refusal} />
      <input type="hidden" name="key" value={draft.key} />
      <input type="hidden" name="machineId" value={session.machineId} />
      <input type="hidden" name="projectRoot" value={session.projectRoot} />
      <input type="hidden" name="orpSessionId" value={session.orpSessionId} />
      <Field name="prompt" label="Next prompt">
        <textarea id="field-prompt" name="prompt" rows={4} required aria-describedby="help-prompt">
          {draft.prompt}
        </textarea>
      </Field>
      <details class="options" open={refusal !== undefined}>
        <summary>Options</summary>
        <div class="options-body">
          {LABELS.map(([name, label]) => (
            <Field name={name} label={label}>
              <Select name={name} value={draft[name]} options={CHOICES[name]} />
            </Field>
          ))}
        </div>
      </details>
      <div class="send-row">
        <p class="help" id="help-prompt" data-region="preview">
          <Sentence text={session.waiting.message} />
        </p>
        <button type="submit" class="button button-main">
          Send
        </button>
      </div>
    </form>
  );
}
