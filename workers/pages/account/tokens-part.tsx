/** The part of the settings that makes tokens for programs. */

import { SCOPE_WORDS, SCOPES } from '../../../spec/access.ts';
import { HTTP_STATUS, type Refusal, refuse } from '../../../spec/errors.ts';
import { makeToken } from '../../accounts/devices.ts';
import { sourceOf } from '../../http/source.ts';
import { shownLine } from '../design/shown.ts';
import type { FormRequest } from '../frame/page.ts';
import { Field, Select } from '../parts/forms.tsx';
import { ErrorNote } from '../parts/notes.tsx';
import { CopyableId } from '../parts/texts.tsx';

/** The result of the form: a token that no other page shows, or a refusal. */
export type Made = { token: string; name: string } | { refusal: Refusal };

const DAYS = ['30', '90', '365'] as const;
const EXPIRIES = [
  ...DAYS.map((days) => ({ value: days, label: `After ${days} days` })),
  { value: 'never', label: 'Never' },
];

export function statusOf(made: Made | undefined) {
  return made !== undefined && 'refusal' in made ? HTTP_STATUS[made.refusal.code] : 200;
}

/** Reads the form and makes the token. */
export async function makeFromForm({ form, auth, deps, context }: FormRequest): Promise<Made> {
  const name = form.line('name') ?? '';
  const scope = SCOPES.find((one) => one === form.text('scope'));
  const expiry = form.text('expiry');
  const days = DAYS.find((one) => one === expiry);
  if (name === '' || name.length > 200)
    return refuse('invalid_input', 'The name must have 1 to 200 characters.');
  if (scope === undefined) return refuse('invalid_input', `The scope must be ${SCOPES.join(', ')}.`);
  if (days === undefined && expiry !== 'never') {
    return refuse('invalid_input', `The expiry must be ${DAYS.join(', ')} days or never.`);
  }
  const expiresInDays = days === undefined ? undefined : Number(days);
  const made = await makeToken(deps, auth, { name, scope, expiresInDays, source: sourceOf(context) });
  return made.ok ? { token: made.value.token, name } : made;
}

export function TokensPart({ made }: { made: Made | undefined }) {
  return (
    <section id="tokens">
      <h2>Make a token</h2>
      <p class="quiet">
        For a program that cannot sign in, such as a CI job. It sends the token in <code>ORP_TOKEN</code>.
      </p>
      {made !== undefined && 'token' in made && (
        <div class="note note-done" role="status">
          <p>
            The token {shownLine(made.name, 60)} is ready. Copy it now. The server does not show it again:
          </p>
          <p>
            <CopyableId id={made.token} label="token" />
          </p>
        </div>
      )}
      <ErrorNote refusal={made !== undefined && 'refusal' in made ? made.refusal : undefined} />
      <form method="post" action="/settings/tokens" class="sheet narrow-form">
        <Field name="name" label="Name" help="What the token is for.">
          <input
            id="field-name"
            name="name"
            required
            maxlength={200}
            autocomplete="off"
            aria-describedby="help-name"
          />
        </Field>
        <Field name="scope" label="It may">
          <Select
            name="scope"
            value="enqueue"
            options={SCOPES.map((value) => ({ value, label: SCOPE_WORDS[value] }))}
          />
        </Field>
        <Field name="expiry" label="It expires">
          <Select name="expiry" value="90" options={EXPIRIES} />
        </Field>
        <button type="submit" class="button button-main">
          Make the token
        </button>
      </form>
    </section>
  );
}
