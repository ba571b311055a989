/** The alerts, each with its meaning and the next step of the playbook. */

import type { Alert, AlertKind } from '../../../spec/overview/alerts.ts';
import type { Alerts } from '../../overview/alerts.ts';
import { shownLine } from '../design/shown.ts';
import { Badge, type Tone } from '../parts/badge.tsx';
import { Sentence, Time } from '../parts/texts.tsx';
import { accountPath, PATHS } from './paths.ts';

const LOOKS: Record<AlertKind, { tone: Tone; word: string }> = {
  expired_lease: { tone: 'bad', word: 'expired lease' },
  lost_job: { tone: 'warn', word: 'lost job' },
  no_routeable_session: { tone: 'warn', word: 'no session' },
  silent_machine: { tone: 'warn', word: 'silent machine' },
  repeated_retries: { tone: 'bad', word: 'many retries' },
  growing_spool: { tone: 'warn', word: 'growing spool' },
  version_drift: { tone: 'calm', word: 'old versions' },
};

/** Alerts on the page. The gravest kinds come first, and every alert that is repaired makes room for another. */
const SHOWN_ALERTS = 15;
/** The maximum number of jobs that one alert links to. */
const NAMED_JOBS = 5;

export function AlertList({ alerts: { alerts, hasMore }, now }: { alerts: Alerts; now: number }) {
  if (alerts.length === 0) {
    return (
      <p class="note note-done" id="no-alerts">
        No alerts: every lease, session, machine and spool is as it should be.
      </p>
    );
  }
  return (
    <section aria-label="Alerts">
      {alerts.slice(0, SHOWN_ALERTS).map((alert) => (
        <AlertView alert={alert} now={now} />
      ))}
      {(hasMore || alerts.length > SHOWN_ALERTS) && (
        <p class="quiet">
          There are more alerts. They appear here as these are repaired; <code>GET /api/admin/alerts</code>{' '}
          lists more.
        </p>
      )}
    </section>
  );
}

function AlertView({ alert, now }: { alert: Alert; now: number }) {
  const { tone, word } = LOOKS[alert.kind];
  const { account, machineId, jobIds, count } = alert;
  return (
    <details class="alert" data-row data-key={alert.id} data-alert={alert.kind}>
      <summary>
        <Badge tone={tone}>{word}</Badge> {shownLine(alert.sentence, 300)} <Time at={alert.at} now={now} />
      </summary>
      <div class="alert-body">
        <p class="quiet">{alert.meaning}</p>
        <p>
          <Sentence text={alert.next} />
        </p>
        <ul class="links">
          {account && (
            <li>
              <a href={accountPath(account.id)}>{shownLine(account.email, 80)}</a>
            </li>
          )}
          {machineId && (
            <li>
              <a href={`${PATHS.machines}?${new URLSearchParams({ q: machineId })}`}>Machine</a>
            </li>
          )}
          {jobIds.slice(0, NAMED_JOBS).map((id) => (
            <li>
              <a href={`/jobs/${id}`}>{id}</a>
            </li>
          ))}
          {jobIds.length > 0 && count > NAMED_JOBS && <li class="quiet">{count} jobs</li>}
        </ul>
      </div>
    </details>
  );
}
