/** The list of ideas, and the list of removed ideas. */

import { accept } from '../../../spec/errors.ts';
import { type IdeaListing, listIdeas } from '../../reviews/ideas.ts';
import { shownLine } from '../design/shown.ts';
import type { PageRequest } from '../frame/page.ts';
import { Filter } from '../parts/filter.tsx';
import { Action } from '../parts/forms.tsx';
import { type Column, Heading, More, Table } from '../parts/lists.tsx';
import { Empty, ErrorNote } from '../parts/notes.tsx';
import { Time } from '../parts/texts.tsx';

type Idea = IdeaListing['ideas'][number];

const LIMIT = 25;

const SORTS = [
  { value: '', label: 'Changed last' },
  { value: 'created_desc', label: 'Newest' },
  { value: 'created_asc', label: 'Oldest' },
  { value: 'title_asc', label: 'By title' },
] as const;
const STATES = [
  { value: '', label: 'Kept' },
  { value: '1', label: 'Removed' },
] as const;

export async function ideasPage({ query, auth, deps }: PageRequest) {
  const values = Object.fromEntries([...query].filter(([key, value]) => value !== '' && key in KEYS));
  const { sort = '', deleted, cursor } = values;
  const isDeleted = deleted === '1';
  const page = await listIdeas(deps, auth.id, {
    sort: SORT_KEYS.find((one) => one === sort) ?? 'updated_desc',
    deleted: isDeleted,
    limit: LIMIT,
    cursor,
  });
  const columns = columnsFor(isDeleted, deps.now);
  return accept({
    title: isDeleted ? 'Removed ideas' : 'Ideas',
    place: 'ideas' as const,
    ...(page.ok ? {} : { status: 400 as const }),
    body: (
      <>
        <Heading title={isDeleted ? 'Removed ideas' : 'Ideas'} />
        <Filter
          path="/ideas"
          values={values}
          choices={[
            { name: 'deleted', label: 'Which', options: STATES },
            { name: 'sort', label: 'Order', options: SORTS },
          ]}
        />
        <ErrorNote refusal={page.ok ? undefined : page.refusal} />
        {page.ok && page.value.ideas.length === 0 && <NoIdeas isDeleted={isDeleted} />}
        {page.ok && page.value.ideas.length > 0 && (
          <Table label="Ideas" columns={columns} rows={page.value.ideas} />
        )}
        {page.ok && <More path={nextPath(values, page.value.nextCursor)} label="More" />}
      </>
    ),
  });
}

const KEYS = { sort: true, deleted: true, cursor: true };
const SORT_KEYS = ['updated_desc', 'created_desc', 'created_asc', 'title_asc'] as const;

const LINK: Column<Idea> = {
  head: 'Link',
  place: 'below',
  cell: ({ githubUrl }) => (githubUrl === null ? '' : shownLine(githubUrl.replace(/^https?:\/\//, ''), 60)),
};

const RESTORE: Column<Idea> = {
  head: '',
  place: 'side',
  cell: (idea) => <Action action={`/ideas/${idea.id}/restore`} label="Restore" />,
};

function columnsFor(isDeleted: boolean, now: number): Column<Idea>[] {
  return [
    {
      head: 'Idea',
      place: 'title',
      cell: (idea) => (
        <>
          <Title idea={idea} />
          <div class="quiet clamp">{shownLine(idea.notes, 240)}</div>
        </>
      ),
    },
    ...(isDeleted ? [] : [LINK]),
    {
      head: isDeleted ? 'Removed' : 'Changed',
      place: 'below',
      cell: (idea) => <Time at={idea.deletedAt ?? idea.updatedAt} now={now} />,
    },
    ...(isDeleted ? [RESTORE] : []),
  ];
}

/** Links the title to the page of the idea. A removed idea has no page. */
function Title({ idea }: { idea: Idea }) {
  const title = shownLine(idea.title, 160) || 'Untitled';
  return idea.deletedAt === null ? (
    <a class="row-link" href={`/ideas/${idea.id}`}>
      {title}
    </a>
  ) : (
    <span class="row-link">{title}</span>
  );
}

function NoIdeas({ isDeleted }: { isDeleted: boolean }) {
  return isDeleted ? (
    <Empty title="No idea was removed" />
  ) : (
    <Empty title="No ideas yet">
      <p>
        Add one with <code>orp idea add --title "…" --notes "…"</code>, and bind it to a repository with{' '}
        <code>orp link project bind</code>.
      </p>
    </Empty>
  );
}

function nextPath(values: Record<string, string>, cursor: string | undefined): string | undefined {
  return cursor === undefined ? undefined : `/ideas?${new URLSearchParams({ ...values, cursor })}`;
}
