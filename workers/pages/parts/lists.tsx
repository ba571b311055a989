/** Tables (which become lists on a phone), facts, cards, and the link to the next page. */

import type { Child } from 'hono/jsx';

export interface Column<Row> {
  head: string;
  cell: (row: Row) => Child;
  /** The position of the cell on a phone: the title of the row, the right edge of its first line, or a line below. */
  place: 'title' | 'side' | 'below';
}

/** A table. Each row has one link, in its title cell. The keys `j` and `k` move between the rows. */
export function Table<Row>({
  label,
  look,
  columns,
  rows,
}: {
  label: string;
  /** Tables with the same look have the same column widths. */
  look?: 'jobs' | 'sessions' | 'machines' | 'orders' | 'audit' | 'limits' | 'near';
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

/** A list of names and values. A name without a value is left out. */
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

/** A card about a problem: what happened, why, what happens next, and what the person can do. */
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

/** The heading of a page, with the actions of the page. */
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
