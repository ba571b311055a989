/** A table of machines: owner, state, jobs, and the buttons to drain and resume a machine. */

import type { MachineState } from '../../../spec/overview/machine-state.ts';
import type { AdminMachine } from '../../overview/machines.ts';
import { shownLine } from '../design/shown.ts';
import { counted } from '../design/words.ts';
import { Badge, type Tone } from '../parts/badge.tsx';
import { Action, Confirm } from '../parts/forms.tsx';
import { type Column, Table } from '../parts/lists.tsx';
import { Time } from '../parts/texts.tsx';
import { accountPath, machineOrderPath } from './paths.ts';

const TONES: Record<MachineState, Tone> = {
  online: 'good',
  draining: 'warn',
  asleep: 'calm',
  silent: 'calm',
};

interface Props {
  machines: readonly AdminMachine[];
  /** The page to return to after an order. */
  back: string;
  now: number;
}

export function MachineTable({ machines, back, now }: Props) {
  const columns: Column<AdminMachine>[] = [
    { head: 'Machine', place: 'title', cell: (machine) => <Name machine={machine} now={now} /> },
    { head: 'State', place: 'side', cell: ({ state }) => <Badge tone={TONES[state]}>{state}</Badge> },
    { head: 'Runner', place: 'below', cell: (machine) => <Runner machine={machine} /> },
    { head: 'Work', place: 'below', cell: (machine) => <Work machine={machine} now={now} /> },
    { head: 'Order', place: 'below', cell: (machine) => <Order machine={machine} back={back} /> },
  ];
  return <Table label="Machines" columns={columns} rows={machines} />;
}

function Name({ machine, now }: { machine: AdminMachine; now: number }) {
  const { account, condition, listening } = machine;
  return (
    <>
      <span class="row-link">{shownLine(machine.name, 60) || machine.id}</span>
      <div class="quiet">
        <a href={accountPath(account.id)}>{shownLine(account.email, 80)}</a>
      </div>
      <div class="quiet small">
        {listening === undefined ? 'not connected' : `listening (${listening.transport})`}, seen{' '}
        <Time at={machine.lastSeenAt} now={now} />
      </div>
      {condition && <div class="small">Paused: {shownLine(condition.message || condition.code, 160)}</div>}
    </>
  );
}

function Runner({ machine: { version, platform, agent, spool } }: { machine: AdminMachine }) {
  return (
    <>
      <div>
        {shownLine(version, 20)} on {shownLine(platform, 20)}
      </div>
      {agent && (
        <div class="quiet small">
          {shownLine(agent.way, 30)} {shownLine(agent.version ?? '', 20)}
        </div>
      )}
      {spool && spool.leases > 0 && (
        <div class="small">
          {counted(spool.leases, 'result')} on its disk (
          {counted(Math.ceil(spool.bytes / 1024), 'KiB', 'KiB')})
        </div>
      )}
    </>
  );
}

function Work({ machine, now }: { machine: AdminMachine; now: number }) {
  const { currentJobs, heldCount, queuedCount, lastCompletedAt, lastFailedAt } = machine;
  return (
    <>
      {currentJobs.map(({ id, status }) => (
        <div>
          <a href={`/jobs/${id}`}>{status}</a>
        </div>
      ))}
      {heldCount > currentJobs.length && <div class="quiet small">{heldCount} in all</div>}
      {queuedCount > 0 && <div class="small">{queuedCount} queued for it</div>}
      {lastCompletedAt && (
        <div class="quiet small">
          completed <Time at={lastCompletedAt} now={now} />
        </div>
      )}
      {lastFailedAt && (
        <div class="quiet small">
          failed <Time at={lastFailedAt} now={now} />
        </div>
      )}
    </>
  );
}

function Order({ machine: { id, draining }, back }: { machine: AdminMachine; back: string }) {
  const values = { back };
  if (draining) return <Action action={machineOrderPath(id, 'resume')} label="Resume" values={values} />;
  return (
    <Confirm
      ask="Drain…"
      action={machineOrderPath(id, 'drain')}
      label="Drain the machine"
      values={values}
      look="main"
    >
      <p>It finishes its jobs and claims no others until somebody resumes it.</p>
      <label class="field">
        Reason (optional)
        <input name="reason" maxlength={1000} />
      </label>
    </Confirm>
  );
}
