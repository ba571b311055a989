/** Tables that become lists on a phone, facts, cards, and the way to the next page. */

import type { Child } from 'hono/jsx';

export interface Column<Row> {
  head: string;
  cell: (row: Row) => Child;
  /** Where the cell goes on a phone: the title of the row, the right edge of its first line, or a line below. */
  place: 'title' | 'side' | 'below';
}

/** A row has one link, in its title cell; `j` and `k` move between them. */
export function Table<Row>({
  label,
  look,
  columns,
  rows,
}: {
  label: string;
  /** Tables of one look have columns of the same widths. */
  look?: 'jobs';
  columns: readonly Column<Row>[];
  rows: readonly Row[];
}) {
  return (
    <table class={look === undefined ? 'table' : `table table-${look}`} aria-label={label}>
      <thead>
        <tr>
          {columns.map(({ head }) => (
            <th scope="col">{head}</th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr data-row>
            {columns.map(({ cell, place }) => (
              <td class={`at-${place}`}>{cell(row)}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Names and values. A fact without a value is left out. */
export function Facts({ facts }: { facts: readonly (readonly [name: string, value: Child | undefined])[] }) {
  return (
    <dl class="facts">
      {facts.map(([name, value]) =>
        value === undefined || value === null ? null : (
          <div>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ),
      )}
    </dl>
  );
}

/** What needs a person: what happened, why, what happens next, and the one thing to do. */
export function Card({
  title,
  aside,
  children,
  actions,
}: {
  title: Child;
  aside?: Child;
  children?: Child;
  actions?: Child;
}) {
  return (
    <article class="card" data-row>
      <header>
        <h3>{title}</h3>
        {aside && <div class="quiet">{aside}</div>}
      </header>
      {children && <div class="card-body">{children}</div>}
      {actions && <footer class="actions">{actions}</footer>}
    </article>
  );
}

export function More({ path, label = 'Older' }: { path: string | undefined; label?: string }) {
  if (path === undefined) return null;
  return (
    <nav class="more" aria-label="Pages">
      <a class="button" href={path} rel="next">
        {label}
      </a>
    </nav>
  );
}

/** The heading of a page, with what can be done here. */
export function Heading({ title, aside, actions }: { title: Child; aside?: Child; actions?: Child }) {
  return (
    <div class="heading">
      <div>
        <h1>{title}</h1>
        {aside && <p class="quiet">{aside}</p>}
      </div>
      {actions && <div class="actions">{actions}</div>}
    </div>
  );
}
