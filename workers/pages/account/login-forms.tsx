/** The two forms of a sign-in. */

import type { Refusal } from '../../../spec/errors.ts';
import { assetPath } from '../design/assets.ts';
import { shownLine } from '../design/shown.ts';
import { Field } from '../parts/forms.tsx';
import { ErrorNote } from '../parts/notes.tsx';

interface Props {
  /** The page that the person wanted to open. */
  next: string;
  email?: string | undefined;
  refusal?: Refusal | undefined;
}

export function PasswordForm({ next, email, refusal }: Props) {
  return (
    <section class="door">
      <img src={assetPath('icon.svg')} width="48" height="48" alt="" />
      <h1>Sign in to ORP Runner</h1>
      <ErrorNote refusal={refusal} />
      <form method="post" action="/login">
        <input type="hidden" name="next" value={next} />
        <Field name="email" label="E-mail">
          <input
            id="field-email"
            name="email"
            type="email"
            value={email}
            autocomplete="username"
            required
            maxlength={320}
            autofocus={email === undefined}
          />
        </Field>
        <Field name="password" label="Password">
          <input
            id="field-password"
            name="password"
            type="password"
            autocomplete="current-password"
            required
            maxlength={1024}
            autofocus={email !== undefined}
          />
        </Field>
        <button type="submit" class="button button-main button-wide">
          Sign in
        </button>
      </form>
      <p class="help">Forgot the password? An operator of this server can set a new one.</p>
    </section>
  );
}

export function CodeForm({ next, email = '', refusal }: Props) {
  return (
    <section class="door">
      <img src={assetPath('icon.svg')} width="48" height="48" alt="" />
      <h1>Enter your code</h1>
      <p class="quiet">
        The server sent a code with six digits to {shownLine(email)}. It is valid for ten minutes.
      </p>
      <ErrorNote refusal={refusal} />
      <form method="post" action="/login/code">
        <input type="hidden" name="next" value={next} />
        <input type="hidden" name="email" value={email} />
        <Field name="code" label="Code">
          <input
            id="field-code"
            name="code"
            inputmode="numeric"
            autocomplete="one-time-code"
            pattern="[0-9 ]*"
            required
            maxlength={12}
            autofocus
            class="code"
          />
        </Field>
        <button type="submit" class="button button-main button-wide">
          Sign in
        </button>
      </form>
      <p class="help">
        <a href="/login">Start again</a>
      </p>
    </section>
  );
}
