/** The alerts by kind, with their meaning, the next step, and the affected jobs and machines. */

import type { Alert, AlertKind } from '../../../spec/overview/alerts.ts';
import { shownLine } from '../design/shown.ts';
import { counted } from '../design/words.ts';
import { Badge } from '../parts/badge.tsx';
import { pathWith } from '../parts/filter.tsx';
import { Sentence, Time } from '../parts/texts.tsx';
import { accountPath, machinePath, PATHS } from './paths.ts';

const TITLES: Record<Alert['kind'], string> = {
  expired_lease: 'Leases have expired',
  lost_job: 'Jobs are lost',
  no_routeable_session: 'Jobs have no session to go to',
  silent_machine: 'Machines with work are silent',
  repeated_retries: 'Jobs were retried again and again',
  growing_spool: 'Results wait on machines',
  version_drift: 'Machines run an older orp',
};

interface Props {
  alerts: readonly Alert[];
  counts: Record<AlertKind, number>;
  /** True if there may be more alerts than the server found. */
  hasMore: boolean;
  /** The maximum number of alerts of one kind that are shown. */
  perKind: number;
  now: number;
}

export function AlertList({ alerts, counts, hasMore, perKind, now }: Props) {
  if (alerts.length === 0) {
    return <p class="note note-done">All is well: no alert.</p>;
  }
  const groups = [...Map.groupBy(alerts, ({ kind }) => kind)];
  const isCut = hasMore || groups.some(([, all]) => all.length > perKind);
  return (
    <>
      {groups.map(([kind, [first, ...others]]) => (
        <article class="card alert">
          <header>
            <h3>{TITLES[kind]}</h3>
            <Badge tone="warn">{counts[kind]}</Badge>
          </header>
          <ul class="alert-list">
            {[first, ...others].slice(0, perKind).map((alert) => alert && <Line alert={alert} now={now} />)}
          </ul>
          <p class="quiet">{first?.meaning}</p>
          <p>
            <strong>Next:</strong> {first?.next}
          </p>
        </article>
      ))}
      {isCut && (
        <p>
          <a href={PATHS.alerts}>Show all alerts</a>
        </p>
      )}
    </>
  );
}

/** The maximum number of jobs that an alert links to. */
const LINKED_JOBS = 3;

function Line({ alert, now }: { alert: Alert; now: number }) {
  const { sentence, account, machineId, jobIds, count, kind } = alert;
  const unnamed = jobIds.filter((id) => !sentence.includes(id));
  return (
    <li data-row>
      <Sentence text={sentence} limit={300} />{' '}
      <span class="quiet">
        {account && <a href={accountPath(account.id)}>{shownLine(account.email, 60)}</a>}
        {machineId && (
          <>
            {account && ' · '}
            <a href={machinePath(machineId)}>open the machine</a>
          </>
        )}
        {kind === 'version_drift' && !machineId && (
          <a href={pathWith(PATHS.machines, { version: versionOf(alert) })}>{counted(count, 'machine')}</a>
        )}
        {unnamed.slice(0, LINKED_JOBS).map((id) => (
          <>
            {' · '}
            <a href={`/jobs/${id}`}>{id}</a>
          </>
        ))}
        {unnamed.length > LINKED_JOBS && ` and ${count - LINKED_JOBS} more`}
        {kind !== 'version_drift' && (
          <>
            {' · '}
            <Time at={alert.at} now={now} />
          </>
        )}
      </span>
    </li>
  );
}

/** Returns the subject of an alert. For `version_drift`, it is the version. */
function versionOf({ id }: Alert): string {
  return id.slice(id.indexOf(':') + 1);
}
