/** A table of machines: their account, whether they listen, their jobs, and how their last jobs ended. */

import { bytesWords } from '../../../spec/text.ts';
import type { AdminMachine } from '../../overview/machines.ts';
import { shownLine } from '../design/shown.ts';
import { counted } from '../design/words.ts';
import { Badge, type Tone } from '../parts/badge.tsx';
import { pathWith } from '../parts/filter.tsx';
import { type Column, Table } from '../parts/lists.tsx';
import { Time } from '../parts/texts.tsx';
import { machinePath, PATHS } from './paths.ts';

interface RowProps {
  machine: AdminMachine;
  now: number;
}

export function machineName({ name, id }: { name: string; id: string }): string {
  return shownLine(name, 60) || `machine ${shownLine(id, 12)}`;
}

export function MachineTable({ machines, now }: { machines: readonly AdminMachine[]; now: number }) {
  const columns: Column<AdminMachine>[] = [
    { head: 'Machine', place: 'title', cell: (machine) => <Name machine={machine} /> },
    { head: 'State', place: 'side', cell: (machine) => <State machine={machine} now={now} /> },
    { head: 'Runs', place: 'below', cell: (machine) => <Program machine={machine} /> },
    { head: 'Jobs', place: 'below', cell: (machine) => <Work machine={machine} /> },
    { head: 'Last results', place: 'below', cell: (machine) => <Results machine={machine} now={now} /> },
    { head: 'On its disk', place: 'below', cell: (machine) => <Spool machine={machine} now={now} /> },
  ];
  return <Table label="Machines" look="machines" columns={columns} rows={machines} />;
}

function Name({ machine }: { machine: AdminMachine }) {
  return (
    <>
      <a class="row-link" href={machinePath(machine.id)}>
        {machineName(machine)}
      </a>
      <div class="quiet clip">{shownLine(machine.account.email, 60)}</div>
    </>
  );
}

const TONES: Record<AdminMachine['state'], Tone> = {
  online: 'good',
  draining: 'busy',
  asleep: 'calm',
  silent: 'warn',
};

export function StateBadge({ state }: Pick<AdminMachine, 'state'>) {
  return <Badge tone={TONES[state]}>{state}</Badge>;
}

function State({ machine, now }: RowProps) {
  return (
    <>
      <StateBadge state={machine.state} />
      <div class="quiet">
        <Listening machine={machine} now={now} />
      </div>
    </>
  );
}

/** Shows the open channel, or since when the machine has been silent. */
export function Listening({ machine, now }: RowProps) {
  const { listening, lastSeenAt, condition } = machine;
  if (condition !== undefined) return <>cannot take jobs</>;
  return listening === undefined ? (
    <>
      heard <Time at={lastSeenAt} now={now} />
    </>
  ) : (
    <>
      {listening.transport === 'ws' ? 'WebSocket' : 'event stream'}, <Time at={listening.since} now={now} />
    </>
  );
}

function Program({ machine }: { machine: AdminMachine }) {
  return (
    <>
      <div class="clip">orp {shownLine(machine.version, 20)}</div>
      <div class="quiet">
        {shownLine(machine.platform, 20)}
        {machine.agent && `, ${wayWords(machine.agent.way)}`}
      </div>
    </>
  );
}

const WAYS: Readonly<Record<string, string>> = {
  shared_server: 'shared agent server',
  own_server: 'own agent server',
  process: 'one process a job',
};

/** Shows how the runner drives its agent. A newer runner may report a mode that this server does not know. */
export function wayWords(way: string): string {
  return Object.hasOwn(WAYS, way) ? (WAYS[way] ?? way) : shownLine(way, 30);
}

/** The maximum number of jobs that a row links to. */
const LINKED = 2;

function Work({ machine }: { machine: AdminMachine }) {
  const { currentJobs, heldCount, queuedCount, id } = machine;
  const more = heldCount - Math.min(currentJobs.length, LINKED);
  return (
    <>
      {heldCount === 0 && <div class="quiet">no job now</div>}
      {currentJobs.slice(0, LINKED).map((job) => (
        <div>
          <a href={`/jobs/${job.id}`}>{job.status}</a>
        </div>
      ))}
      {more > 0 && <div>and {more} more</div>}
      {queuedCount > 0 && (
        <div class="quiet">
          <a href={pathWith(PATHS.jobs, { machineId: id, status: 'queued' })}>{queuedCount} queued</a>
        </div>
      )}
    </>
  );
}

function Results({ machine: { lastCompletedAt, lastFailedAt }, now }: RowProps) {
  if (lastCompletedAt === undefined && lastFailedAt === undefined)
    return <span class="quiet">no result lately</span>;
  return (
    <>
      {lastCompletedAt && (
        <div>
          completed <Time at={lastCompletedAt} now={now} />
        </div>
      )}
      {lastFailedAt && (
        <div class="bad">
          failed <Time at={lastFailedAt} now={now} />
        </div>
      )}
    </>
  );
}

/** Shows the results that the server has not received yet. */
export function Spool({ machine: { spool }, now }: RowProps) {
  if (spool === undefined)
    return (
      <span class="quiet">
        <span class="only-phone">disk </span>not reported
      </span>
    );
  if (spool.leases === 0)
    return (
      <span class="quiet">
        nothing<span class="only-phone"> on its disk</span>
      </span>
    );
  return (
    <>
      <div>
        {counted(spool.leases, 'result')}, {bytesWords(spool.bytes)}
        <span class="only-phone"> on its disk</span>
      </div>
      {spool.oldestAt && (
        <div class="quiet">
          oldest <Time at={spool.oldestAt} now={now} />
        </div>
      )}
    </>
  );
}
