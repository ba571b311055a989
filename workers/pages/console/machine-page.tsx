/** The page of one machine: its state, its jobs, and the devices of its account. */

import { accept } from '../../../spec/errors.ts';
import { listDevicesOf } from '../../overview/devices.ts';
import { listJobsOfAll } from '../../overview/jobs.ts';
import { type AdminMachine, findAnyMachine, showWithWork } from '../../overview/machines.ts';
import { shownLine } from '../design/shown.ts';
import type { PageRequest } from '../frame/page.ts';
import { pathWith } from '../parts/filter.tsx';
import { Action, Confirm } from '../parts/forms.tsx';
import { Facts } from '../parts/lists.tsx';
import { Empty } from '../parts/notes.tsx';
import { CopyableId, Sentence, Time } from '../parts/texts.tsx';
import { ConsoleHeading } from './console-heading.tsx';
import { DeviceTable } from './device-table.tsx';
import { AdminJobTable } from './job-table.tsx';
import { Listening, machineName, Spool, StateBadge, wayWords } from './machine-table.tsx';
import { accountPath, machineOrderPath, machinePath, PATHS } from './paths.ts';

const JOBS = 12;
/** The page shows this many devices, the most recently used first. The page of the account shows all. */
const DEVICES = 8;

export async function machinePage({ params, deps }: PageRequest) {
  const machineId = params.machineId ?? '';
  const found = await findAnyMachine(deps, machineId);
  if (!found.ok) return found;
  const filter = { account: found.value.userId, machineId };
  const [machine, jobs, devices] = await Promise.all([
    showWithWork(deps, found.value),
    listJobsOfAll(deps, { ...filter, status: 'live,failed', limit: JOBS }),
    listDevicesOf(deps, found.value.userId),
  ]);
  if (!jobs.ok) return jobs;
  const { account } = machine;
  const path = machinePath(machineId);
  const active = devices.filter(({ revokedAt }) => revokedAt === undefined);
  return accept({
    title: machineName(machine),
    place: 'console' as const,
    liveSeconds: 5,
    body: (
      <>
        <ConsoleHeading
          title={machineName(machine)}
          aside={
            <>
              A machine of{' '}
              <a href={pathWith(PATHS.machines, { account: account.email })}>
                {shownLine(account.email, 80)}
              </a>
            </>
          }
          isLive
          actions={<Drain machine={machine} />}
        />
        <div class="card wide-facts" data-region="machine">
          <MachineFacts machine={machine} now={deps.now} />
        </div>
        <section aria-labelledby="jobs-title">
          <h2 id="jobs-title">Jobs of this machine</h2>
          <div data-region="jobs">
            {jobs.value.jobs.length === 0 ? (
              <Empty title="None" />
            ) : (
              <AdminJobTable jobs={jobs.value.jobs} back={path} now={deps.now} />
            )}
            {jobs.value.nextCursor && (
              <p>
                <a href={pathWith(PATHS.jobs, filter)}>Show more of its jobs</a>
              </p>
            )}
          </div>
        </section>
        <section aria-labelledby="devices-title">
          <h2 id="devices-title">Devices of its account</h2>
          <p class="quiet">
            Browsers and terminals that are signed in. Revoke one if it is lost or stolen: it is signed out
            within 30 seconds everywhere. <a href={accountPath(account.id)}>All devices of the account</a>
          </p>
          <div data-region="devices">
            <DeviceTable devices={active.slice(0, DEVICES)} accountId={account.id} now={deps.now} />
          </div>
        </section>
      </>
    ),
  });
}

function Drain({ machine }: { machine: AdminMachine }) {
  const values = { back: machinePath(machine.id) };
  if (machine.draining) {
    return (
      <Action action={machineOrderPath(machine.id, 'resume')} label="Resume" values={values} look="main" />
    );
  }
  return (
    <Confirm
      ask="Drain…"
      action={machineOrderPath(machine.id, 'drain')}
      values={values}
      label="Drain the machine"
      look="main"
    >
      <p>It finishes the jobs that it holds and claims no other until somebody resumes it.</p>
      <label class="field">
        Reason (optional)
        <input name="reason" maxlength={1000} />
      </label>
    </Confirm>
  );
}

function MachineFacts({ machine, now }: { machine: AdminMachine; now: number }) {
  const { condition, agent } = machine;
  return (
    <>
      {condition && (
        <div class="note note-warning">
          <Sentence text={condition.message} />
        </div>
      )}
      <Facts
        facts={[
          [
            'State',
            <>
              <StateBadge state={machine.state} />{' '}
              {machine.listening && <Listening machine={machine} now={now} />}
            </>,
          ],
          ['Last heard', <Time at={machine.lastSeenAt} now={now} />],
          ['Last sync', machine.lastSyncAt && <Time at={machine.lastSyncAt} now={now} />],
          ['Version', `orp ${shownLine(machine.version, 60)}`],
          ['Platform', shownLine(machine.platform, 60)],
          [
            'Agent',
            agent && `${wayWords(agent.way)}${agent.version ? `, ${shownLine(agent.version, 60)}` : ''}`,
          ],
          ['On its disk', <Spool machine={machine} now={now} />],
          ['Last completed', machine.lastCompletedAt && <Time at={machine.lastCompletedAt} now={now} />],
          ['Last failed', machine.lastFailedAt && <Time at={machine.lastFailedAt} now={now} />],
          ['Id', <CopyableId id={machine.id} label="machine id" />],
        ]}
      />
    </>
  );
}
