/** A filter bar whose values are in the URL. People can link to a filtered page, reload it, and use it without scripting. */

import { type Option, Select } from './forms.tsx';

export interface Choice {
  name: string;
  label: string;
  /** The options of a choice. If absent, the person can type any text. */
  options?: readonly Option[] | undefined;
}

interface Props {
  path: string;
  /** The current values. */
  values: Readonly<Record<string, string>>;
  choices: readonly Choice[];
  /** The label of the button. */
  submit?: string;
}

export function Filter({ path, values, choices, submit = 'Filter' }: Props) {
  const names = new Set(choices.map(({ name }) => name));
  const hasWords = choices.some(({ options }) => options === undefined);
  const isSet = choices.some(({ name }) => values[name] !== undefined);
  // Keep the filters that the bar does not show, except the position in the list.
  const others = Object.entries(values).filter(([name]) => !names.has(name) && name !== 'cursor');
  return (
    <search>
      <form method="get" action={path} class="filter" data-filter>
        {others.map(([name, value]) => (
          <input type="hidden" name={name} value={value} />
        ))}
        {choices.map(({ name, label, options }) => (
          <label for={`field-${name}`}>
            <span class="hidden-label">{label}</span>
            {options === undefined ? (
              <input
                id={`field-${name}`}
                name={name}
                type="search"
                value={values[name]}
                placeholder={label}
                maxlength={200}
              />
            ) : (
              <Select
                name={name}
                value={values[name]}
                options={withUnknown(options, values[name])}
                autosubmit
              />
            )}
          </label>
        ))}
        <button type="submit" class="button" data-noscript={hasWords ? undefined : ''}>
          {submit}
        </button>
        {(isSet || others.length > 0) && <a href={path}>Clear</a>}
      </form>
    </search>
  );
}

/** Adds a value that a person wrote into the URL, such as two statuses, to the options. */
function withUnknown(options: readonly Option[], value: string | undefined): readonly Option[] {
  return value === undefined || options.some((option) => option.value === value)
    ? options
    : [...options, { value, label: value }];
}

/** Returns the values in the URL for the keys that a page knows. An empty choice means any value. */
export function namedIn(query: URLSearchParams, keys: readonly string[]): Record<string, string> {
  const set = keys.flatMap((key) => {
    const value = query.get(key)?.trim();
    return value ? [[key, value] as const] : [];
  });
  return Object.fromEntries(set);
}

/** Returns a path with a filter. */
export function pathWith(path: string, values: Readonly<Record<string, string | undefined>>): string {
  const set = Object.entries(values).flatMap(([key, value]) => (value ? [[key, value]] : []));
  return set.length === 0 ? path : `${path}?${new URLSearchParams(set)}`;
}
