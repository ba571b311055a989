/** The audit log in the console: who did what, from where, and when. The URL holds the filter. */

import { listAudit } from '../../../spec/contract/people.ts';
import { accept } from '../../../spec/errors.ts';
import { AUDIT_ACTIONS, AUDIT_WORDS, auditWords } from '../../../spec/overview/audit.ts';
import { parse } from '../../http/parse.ts';
import { type AuditEntryView, type AuditQuery, readAudit } from '../../overview/audit.ts';
import { ConsoleHeading } from '../console/console-heading.tsx';
import { accountPath, machinePath, PATHS } from '../console/paths.ts';
import { shownLine } from '../design/shown.ts';
import type { PageRequest } from '../frame/page.ts';
import { Filter, namedIn, pathWith } from '../parts/filter.tsx';
import { type Column, More, Table } from '../parts/lists.tsx';
import { Empty, ErrorNote } from '../parts/notes.tsx';
import { Time } from '../parts/texts.tsx';

const KEYS = ['account', 'action', 'cursor'];
const LIMIT = 25;

const CHOICES = [
  { name: 'account', label: 'Account' },
  {
    name: 'action',
    label: 'Action',
    options: [
      { value: '', label: 'Every action' },
      ...AUDIT_ACTIONS.map((value) => ({ value, label: AUDIT_WORDS[value] })),
    ],
  },
];

export async function auditPage({ query, deps }: PageRequest) {
  const named = namedIn(query, KEYS);
  const parsed = parse(listAudit.query, { ...named, limit: String(LIMIT) }, 'query');
  const page = parsed.ok ? await readAudit(deps, parsed.value as AuditQuery) : parsed;
  const { cursor: _position, ...filter } = named;
  return accept({
    title: 'Audit log',
    place: 'console' as const,
    ...(page.ok ? {} : { status: 400 as const }),
    body: (
      <>
        <ConsoleHeading
          title="Audit log"
          part="audit"
          aside="Entries stay for a year. Choose an account to see the jobs that it queued, too."
        />
        <Filter path={PATHS.audit} values={named} choices={CHOICES} />
        <ErrorNote refusal={page.ok ? undefined : page.refusal} />
        {page.ok && page.value.entries.length === 0 && <Empty title="No entry on this page matches" />}
        {page.ok && page.value.entries.length > 0 && (
          <Table label="Audit log" look="audit" columns={columnsAt(deps.now)} rows={page.value.entries} />
        )}
        {page.ok && (
          <More
            path={
              page.value.nextCursor && pathWith(PATHS.audit, { ...filter, cursor: page.value.nextCursor })
            }
          />
        )}
      </>
    ),
  });
}

function columnsAt(now: number): Column<AuditEntryView>[] {
  return [
    {
      head: 'Who',
      place: 'title',
      cell: ({ actor, action }) => (
        <>
          {shownLine(actor.email ?? actor.id, 120)} <div class="quiet">{auditWords(action)}</div>
        </>
      ),
    },
    { head: 'When', place: 'side', cell: ({ at }) => <Time at={at} now={now} /> },
    {
      head: 'What',
      place: 'below',
      cell: (entry) => (
        <>
          <Subject {...entry} />
          {entry.detail && <div class="quiet clamp">{shownLine(entry.detail, 200)}</div>}
        </>
      ),
    },
    {
      head: 'Account',
      place: 'below',
      cell: ({ account }) => <a href={accountPath(account.id)}>{shownLine(account.email, 120)}</a>,
    },
    { head: 'From', place: 'below', cell: ({ source }) => <div class="clamp">{shownLine(source, 160)}</div> },
  ];
}

const OF_MACHINES = ['drain', 'resume'];

/** The subject, with a link to its page if it has one. */
function Subject({ subject, action }: AuditEntryView) {
  const text = shownLine(subject, 80);
  if (subject.startsWith('job_')) return <a href={`/jobs/${encodeURIComponent(subject)}`}>{text}</a>;
  if (OF_MACHINES.includes(action)) return <a href={machinePath(subject)}>{text}</a>;
  return <>{text}</>;
}
