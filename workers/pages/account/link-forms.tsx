/** The forms of one-time links: for a new account, and for a new password. */

import type { Refusal } from '../../../spec/errors.ts';
import { assetPath } from '../design/assets.ts';
import { Field } from '../parts/forms.tsx';
import { ErrorNote } from '../parts/notes.tsx';

interface LinkProps {
  /** The path that receives the form. */
  path: string;
  token: string;
  title: string;
  lead: string;
  submit: string;
  refusal?: Refusal | undefined;
}

interface AccountProps extends LinkProps {
  email?: string | undefined;
  /** True if the invitation is only for this address. */
  isEmailFixed?: boolean;
  name?: string | undefined;
}

export function AccountForm({ email, isEmailFixed = false, name, ...link }: AccountProps) {
  return (
    <Door {...link}>
      <Field name="email" label="E-mail">
        <input
          id="field-email"
          name="email"
          type="email"
          value={email}
          readonly={isEmailFixed}
          autocomplete="username"
          required
          maxlength={254}
          autofocus={email === undefined}
        />
      </Field>
      <Field name="name" label="Name" help="Other people see it beside your prompts.">
        <input
          id="field-name"
          name="name"
          value={name}
          autocomplete="name"
          required
          maxlength={100}
          aria-describedby="help-name"
        />
      </Field>
      <NewPassword />
    </Door>
  );
}

export function ResetForm(link: LinkProps) {
  return (
    <Door {...link}>
      <NewPassword />
    </Door>
  );
}

function NewPassword() {
  return (
    <Field name="password" label="Password" help="At least 12 characters.">
      <input
        id="field-password"
        name="password"
        type="password"
        autocomplete="new-password"
        required
        minlength={12}
        maxlength={1024}
        aria-describedby="help-password"
      />
    </Field>
  );
}

function Door({ path, token, title, lead, submit, refusal, children }: LinkProps & { children: unknown }) {
  return (
    <section class="door">
      <img src={assetPath('icon.svg')} width="48" height="48" alt="" />
      <h1>{title}</h1>
      <p class="quiet">{lead}</p>
      <ErrorNote refusal={refusal} />
      <form method="post" action={path}>
        <input type="hidden" name="token" value={token} />
        {children}
        <button type="submit" class="button button-main button-wide">
          {submit}
        </button>
      </form>
    </section>
  );
}
