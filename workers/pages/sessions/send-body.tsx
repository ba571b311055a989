/** The list of sessions for a prompt. The most recently used session comes first. */

import type { SendableSession } from '../../jobs/sessions.ts';
import { shownLine } from '../design/shown.ts';
import { folderName } from '../jobs/about-job.ts';
import { Filter } from '../parts/filter.tsx';
import { type Column, Heading, Table } from '../parts/lists.tsx';
import { Empty } from '../parts/notes.tsx';
import { Sentence, Time } from '../parts/texts.tsx';
import { PolicyBadge, policySentence, WaitingBadge } from './waiting-badge.tsx';

/** The maximum number of rows on the page. The filter finds the other sessions. */
const LIMIT = 50;

interface Props {
  sessions: readonly SendableSession[];
  /** The machine to filter by. Empty for any machine. */
  machineId: string;
  now: number;
}

export function SendBody({ sessions, machineId, now }: Props) {
  const machines = new Map(sessions.map((one) => [one.machineId, shownLine(one.machineName, 60)]));
  const chosen = sessions.filter((one) => machineId === '' || one.machineId === machineId);
  const options = [...machines].map(([value, label]) => ({ value, label }));
  return (
    <>
      <Heading title="Send a prompt" aside="Choose the session that gets it." />
      {machines.size > 1 && (
        <Filter
          path="/send"
          values={machineId === '' ? {} : { machineId }}
          choices={[
            {
              name: 'machineId',
              label: 'Machine',
              options: [{ value: '', label: 'Any machine' }, ...options],
            },
          ]}
        />
      )}
      <div data-region="sessions">
        {chosen.length === 0 ? (
          <NoSessions />
        ) : (
          <Table label="Sessions" look="sessions" columns={columnsAt(now)} rows={chosen.slice(0, LIMIT)} />
        )}
        {chosen.length > LIMIT && (
          <p class="quiet">
            These are the {LIMIT} that were used last, of {chosen.length}.
          </p>
        )}
      </div>
    </>
  );
}

function columnsAt(now: number): Column<SendableSession>[] {
  return [
    {
      head: 'Session',
      place: 'title',
      cell: (one) => (
        <>
          <a class="row-link" href={`/sessions/${encodeURIComponent(one.codexSessionId)}`}>
            {folderName(one.projectRoot)} · {shownLine(one.label || one.orpSessionId, 60)}
          </a>
          {one.waiting.code !== 'next_poll' && (
            <div class="quiet row-note clamp">
              <Sentence text={one.waiting.message} />
            </div>
          )}
          {one.policy !== undefined && one.policy.outcome !== 'allow' && (
            <div class="quiet row-note">
              <Sentence text={policySentence(one)} />
            </div>
          )}
        </>
      ),
    },
    { head: 'State', place: 'side', cell: ({ waiting }) => <WaitingBadge code={waiting.code} /> },
    {
      head: 'Policy',
      place: 'below',
      cell: ({ policy }) => (
        <>
          <span class="only-phone">Policy: </span>
          <PolicyBadge policy={policy} />
        </>
      ),
    },
    { head: 'Machine', place: 'below', cell: ({ machineName }) => shownLine(machineName, 60) },
    {
      head: 'Last used',
      place: 'below',
      cell: ({ lastActiveAt }) =>
        lastActiveAt === undefined ? (
          <span class="quiet">unknown</span>
        ) : (
          <Time at={lastActiveAt} now={now} />
        ),
    },
  ];
}

function NoSessions() {
  return (
    <Empty title="No session can take a prompt">
      <p>
        On the Mac with the repository, run <code>orp link session register</code>, then{' '}
        <code>orp link project bind</code> and <code>orp runner sync</code>.
      </p>
    </Empty>
  );
}
