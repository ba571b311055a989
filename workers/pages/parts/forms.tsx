/** Forms. All of them work without scripting. */

import type { Child } from 'hono/jsx';

interface FieldProps {
  name: string;
  label: string;
  /** A hint that is shown next to the field. */
  help?: Child;
  children: Child;
}

/** A label, its control, and a line of help. The control has the id `field-<name>`. */
export function Field({ name, label, help, children }: FieldProps) {
  return (
    <div class="field">
      <label for={`field-${name}`}>{label}</label>
      {children}
      {help && (
        <p class="help" id={`help-${name}`}>
          {help}
        </p>
      )}
    </div>
  );
}

export interface Option {
  value: string;
  label: string;
}

export function Select({
  name,
  value,
  options,
  autosubmit,
}: {
  name: string;
  value: string | undefined;
  options: readonly Option[];
  /** If true, and scripting is on, a choice sends the form. */
  autosubmit?: boolean;
}) {
  return (
    <select id={`field-${name}`} name={name} data-autosubmit={autosubmit ? '' : undefined}>
      {options.map((option) => (
        <option value={option.value} selected={option.value === value}>
          {option.label}
        </option>
      ))}
    </select>
  );
}

interface ActionProps {
  /** The path that receives the form. */
  action: string;
  label: string;
  /** The hidden values of the form. */
  values?: Readonly<Record<string, string | number | undefined>>;
  look?: 'main' | 'plain' | 'danger';
}

/** A form with one button. */
export function Action({ action, label, values = {}, look = 'plain' }: ActionProps) {
  return (
    <form method="post" action={action} class="action">
      <Hidden values={values} />
      <button type="submit" class={`button button-${look}`}>
        {label}
      </button>
    </form>
  );
}

/** An order that needs a confirmation. The first button shows the effect and a second button, which sends the order. */
export function Confirm({ ask, children, ...action }: ActionProps & { ask: string; children?: Child }) {
  return (
    <details class="confirm">
      <summary class={`button button-${action.look === 'danger' ? 'danger' : 'plain'}`}>{ask}</summary>
      <div class="confirm-body">
        <form method="post" action={action.action}>
          <Hidden values={action.values ?? {}} />
          {children}
          <button type="submit" class={`button button-${action.look ?? 'main'}`}>
            {action.label}
          </button>
        </form>
      </div>
    </details>
  );
}

function Hidden({ values }: { values: NonNullable<ActionProps['values']> }) {
  return (
    <>
      {Object.entries(values).map(([name, value]) =>
        value === undefined ? null : <input type="hidden" name={name} value={String(value)} />,
      )}
    </>
  );
}
