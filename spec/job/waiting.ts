/**
 * The reason why a job is not running: a code and a sentence. The API, `orp` and the pages show the same reason. Terminal
 * and running jobs have no waiting reason.
 */

import { utcMinute } from '../text.ts';
import { knowsKind, type RunnerAbilities } from './abilities.ts';
import type { MachineCondition } from './condition.ts';
import { conditionSentence, isPaused } from './condition.ts';
import { fallbackNote, whyNoAgent, whyNoRepository, whyNotNamed } from './destination.ts';
import { type JobKind, rulesOf } from './kinds.ts';
import { verdictSentence } from './policy-verdict.ts';
import { saysInUse } from './release.ts';
import type { JobTarget, Route, SyncedProject } from './routing.ts';
import { isMatchingProject, routesFor } from './routing.ts';
import type { JobStatus } from './status.ts';

export const WAITING_CODES = [
  /** The `notBefore` of the job, or the end of a pause after a lost lease, is in the future. */
  'not_yet',
  /** No machine has synced a repository that matches. */
  'no_machine',
  /** A repository matches, but no session in it can take the job. */
  'no_session',
  /** All machines that could take the job have been silent for a while. */
  'machine_offline',
  /** A person drained the machine. It finishes its jobs and claims no new ones. */
  'machine_draining',
  /** The machine claims nothing now, because the account, sign-in or installation of its agent cannot take work. */
  'machine_paused',
  /** No runner of an online machine knows this kind of job. */
  'runner_too_old',
  /** Another job runs in the session. */
  'session_busy',
  /** Another program has the session open on its machine. */
  'session_in_use',
  /** The session is reserved for a job whose machine stopped responding. A person must first decide about that job. */
  'session_held',
  /** A machine can take the job but has not polled yet. */
  'next_poll',
  /** A machine has claimed the job but has not started it yet. */
  'starting',
  /** A machine has claimed the job and asks a person whether it may run. */
  'asking_at_machine',
  /** The machine stopped responding while the agent worked. It reports the result when it returns, or a person decides. */
  'lost',
] as const;
export type WaitingCode = (typeof WAITING_CODES)[number];

export interface Waiting {
  code: WaitingCode;
  message: string;
  /** When this reason began, in epoch ms. */
  since: number;
  /** Present if another session than the named one will take the job, or if the policy of the machine will stop it. */
  note?: string | undefined;
}

/**
 * The server shows a machine as offline if it has heard nothing for ten minutes. The time is long because D1 records
 * heartbeats only every eight minutes.
 */
export const OFFLINE_AFTER_MS = 10 * 60_000;

/** The known facts about a machine of the owner. */
export interface MachinePresence {
  machineId: string;
  name: string;
  lastSeenAt: number;
  listening: boolean;
  draining: boolean;
  condition?: MachineCondition | undefined;
  /** The abilities that its runner last announced. If absent, the server assumes the abilities of v0.4.4. */
  abilities?: RunnerAbilities | undefined;
}

export interface WaitingJob {
  /** Absent for a job that is not queued yet. */
  id?: string | undefined;
  kind: JobKind;
  status: JobStatus;
  createdAt: number;
  availableAt: number;
  /** When the job expires. Absent if the caller does not know it. */
  expiresAt?: number | undefined;
  claimedAt?: number | undefined;
  /** When the runner began to ask a person at the machine. */
  askingSince?: number | undefined;
  leaseExpiresAt?: number | undefined;
  machineId?: string | undefined;
  /**
   * A sentence about why the last holder returned the job. Undefined if it was not returned, or if the reason is unknown
   * here.
   */
  givenBackBecause?: string | undefined;
  target: JobTarget;
}

/** The machines and repositories of the owner, and the jobs of busy sessions. */
export interface QueueFacts {
  projects: readonly SyncedProject[];
  machines: readonly MachinePresence[];
  busySessions: ReadonlyMap<string, BusySession>;
}

/** The job that currently occupies an agent session. */
export interface BusySession {
  jobId: string;
  /** True if the machine stopped responding while the agent worked. Only its return or a person frees the session. */
  isLost: boolean;
}

/** Returns whether a machine is expected to poll. */
function isOnline(machine: MachinePresence, now: number): boolean {
  return machine.listening || now - machine.lastSeenAt < OFFLINE_AFTER_MS;
}

/** Returns why a job does not run at `now`, or undefined if it runs or has ended. */
export function whyWaiting(job: WaitingJob, around: QueueFacts, now: number): Waiting | undefined {
  switch (job.status) {
    case 'queued':
      return { ...whyQueued(job, around, now), note: noteFor(job, around) };
    case 'dispatched':
      if (job.askingSince !== undefined) return whyAsking(job, job.askingSince, around);
      return {
        code: 'starting',
        message: `Dispatched to ${nameOf(job.machineId, around) ?? 'a worker'}, which has not started it yet.`,
        since: job.claimedAt ?? job.createdAt,
      };
    case 'lost':
      return {
        code: 'lost',
        message: `${nameOf(job.machineId, around) ?? 'Its worker'} stopped responding while the agent worked. It reports when it is back. You can also cancel the job, or retry it (it may then run twice).`,
        since: job.leaseExpiresAt ?? job.createdAt,
      };
    default:
      return undefined;
  }
}

function whyQueued(job: WaitingJob, around: QueueFacts, now: number): Waiting {
  const since = Math.max(job.createdAt, job.availableAt);
  if (job.availableAt > now) {
    const isInUse = job.givenBackBecause !== undefined && saysInUse(job.givenBackBecause);
    return { code: isInUse ? 'session_in_use' : 'not_yet', message: whenDue(job), since: job.createdAt };
  }
  const routes = routesFor(job.target, around.projects);
  const [first] = routes;
  if (first === undefined) return whyUnrouteable(job.target, around, since);

  const machines = routes.flatMap((route) =>
    around.machines.filter((one) => one.machineId === route.machineId),
  );
  const online = machines.filter((machine) => isOnline(machine, now));
  // A drained machine would stay idle even if a person started it.
  if (machines.length > 0 && machines.every((machine) => machine.draining)) return draining(machines, since);
  if (online.length === 0) return offline(machines, since);
  const claiming = online.filter((machine) => !machine.draining);
  if (claiming.length === 0) return draining(online, since);
  const able = claiming.filter((machine) => knowsKind(machine.abilities, job.kind));
  if (able.length === 0) return tooOld(claiming, job.kind, since);
  const ready = able.filter((machine) => !isPaused(machine.condition, now));
  if (ready.length === 0) return paused(able, since);
  const usable = routes.filter((route) => ready.some((machine) => machine.machineId === route.machineId));
  const free = usable.find((route) => holderOf(route, job, around) === undefined);
  if (free === undefined) return whyBusy(usable, { job, around, since });
  return { code: 'next_poll', message: whenTaken(free.machineId, ready), since };
}

function whenDue({ availableAt, expiresAt, givenBackBecause }: WaitingJob): string {
  if (givenBackBecause === undefined) return `Waits until ${utcMinute(availableAt)}.`;
  return availableAt >= (expiresAt ?? Number.POSITIVE_INFINITY)
    ? `${givenBackBecause} It expires at ${utcMinute(availableAt)}, before it can be retried.`
    : `${givenBackBecause} It is retried at ${utcMinute(availableAt)}.`;
}

/** Says when the machine will take the job. A recently seen machine cannot always be woken. */
function whenTaken(machineId: string, machines: readonly MachinePresence[]): string {
  const machine = machines.find((one) => one.machineId === machineId);
  if (machine === undefined) return 'The machine claims it with its next poll.';
  return machine.listening
    ? `${machine.name} is connected and claims it as soon as it is free.`
    : `${machine.name} is not connected; its runner claims the job with its next poll. Last seen ${utcMinute(machine.lastSeenAt)}.`;
}

/**
 * Returns the job that occupies the session of a route. It is never the job itself, which a machine may have claimed after
 * the server read its row.
 */
function holderOf(
  { codexSessionId }: Route,
  { id }: Pick<WaitingJob, 'id'>,
  { busySessions }: QueueFacts,
): BusySession | undefined {
  const holder = busySessions.get(codexSessionId);
  return holder?.jobId === id ? undefined : holder;
}

/** Says why the sessions are busy. A running job ends by itself, but a lost job needs a person. */
function whyBusy(
  usable: readonly Route[],
  { job, around, since }: { job: WaitingJob; around: QueueFacts; since: number },
): Waiting {
  const holders = usable.flatMap((route) => {
    const holder = holderOf(route, job, around);
    return holder === undefined ? [] : [{ session: route.orpSessionId, ...holder }];
  });
  const atWork = holders.find((holder) => !holder.isLost);
  if (atWork !== undefined) {
    const message = `Session ${atWork.session} is busy with job ${atWork.jobId}.`;
    return { code: 'session_busy', message, since };
  }
  const [lost] = holders;
  return {
    code: 'session_held',
    message: `Session ${lost?.session} is kept for job ${lost?.jobId}, whose machine stopped responding while the agent worked. A person must decide: cancel that job, or retry it (it may then run twice). The wait also ends when its machine returns.`,
    since,
  };
}

function whyAsking(job: WaitingJob, askingSince: number, around: QueueFacts): Waiting {
  return {
    code: 'asking_at_machine',
    message: `A person at ${nameOf(job.machineId, around) ?? 'the machine'} is being asked whether it may run.`,
    since: askingSince,
  };
}

/** Returns the reason of the machine that will claim again first. */
function paused(machines: readonly MachinePresence[], since: number): Waiting {
  const until = ({ condition }: MachinePresence) => condition?.until ?? Number.POSITIVE_INFINITY;
  const first = machines.reduce((best, one) => (until(one) < until(best) ? one : best));
  const { name, condition } = first;
  const reason = condition === undefined ? '' : conditionSentence(condition);
  const next = condition?.until
    ? `It claims again at ${utcMinute(condition.until)}.`
    : 'It claims again as soon as it can.';
  return {
    code: 'machine_paused',
    message: `${name} has paused. ${reason} ${next}`,
    since: Math.max(since, condition?.since ?? since),
  };
}

function tooOld([first]: readonly MachinePresence[], kind: JobKind, since: number): Waiting {
  return {
    code: 'runner_too_old',
    message: `The runner on ${first?.name} is too old for jobs of kind ${kind}. Update orp there and restart the runner.`,
    since,
  };
}

function draining(machines: readonly MachinePresence[], since: number): Waiting {
  const [first] = machines;
  return {
    code: 'machine_draining',
    message: `${first?.name} is draining: it finishes its jobs and claims no others until orp runner resume --machine-id ${first?.machineId}.`,
    since,
  };
}

function noteFor({ target, kind }: WaitingJob, around: QueueFacts): string | undefined {
  const note = fallbackNote(target, around.projects, (id) => nameOf(id, around) ?? id);
  // A review goes to the session of its world, and its sender cannot choose another rule.
  if (rulesOf(kind)?.composedBy === 'server') return note;
  const fallback = note && `${note} Use --session-fallback none to wait for it.`;
  return [fallback, policyNote(target, around)].filter(Boolean).join(' ') || undefined;
}

/** Returns what the policy of the machine does with a prompt, if every session that could take it stops it. */
function policyNote(target: JobTarget, around: QueueFacts): string | undefined {
  const routes = routesFor(target, around.projects);
  const [first] = routes;
  if (first === undefined || routes.some(({ policy }) => (policy?.outcome ?? 'allow') === 'allow'))
    return undefined;
  return verdictSentence(first.policy, nameOf(first.machineId, around) ?? first.machineId);
}

function whyUnrouteable(target: JobTarget, around: QueueFacts, since: number): Waiting {
  if (!around.projects.some((project) => isMatchingProject(target, project))) {
    const missing = whyNoRepository(target, (id) => nameOf(id, around) ?? `Machine ${id}`);
    return {
      code: 'no_machine',
      message: `${missing} The job waits for one: run orp link project bind there, then orp runner sync.`,
      since,
    };
  }
  const isNamed = target.orpSessionId !== undefined || target.codexSessionId !== undefined;
  const lacking = isNamed ? undefined : whyNoAgent(target, around.projects);
  if (lacking !== undefined) return { code: 'no_session', message: lacking, since };
  return {
    code: 'no_session',
    message: isNamed
      ? `${whyNotNamed(target, around.projects)}. The job waits for it: run orp link session register there, then orp runner sync.`
      : 'No session of the repository can take it. Register one with a Codex session id, then run orp runner sync.',
    since,
  };
}

function offline(machines: readonly MachinePresence[], since: number): Waiting {
  const latest = machines.reduce<MachinePresence | undefined>(
    (best, machine) => (best === undefined || machine.lastSeenAt > best.lastSeenAt ? machine : best),
    undefined,
  );
  if (latest === undefined) {
    return {
      code: 'machine_offline',
      message: 'The machine that could take it was removed.',
      since,
    };
  }
  return {
    code: 'machine_offline',
    message: `${latest.name} has been offline since ${utcMinute(latest.lastSeenAt)}. Start it with orp runner work.`,
    since: Math.max(since, latest.lastSeenAt),
  };
}

/** Returns the name of a machine, or undefined if it is not a machine of the account. */
function nameOf(machineId: string | undefined, around: QueueFacts): string | undefined {
  return around.machines.find((machine) => machine.machineId === machineId)?.name;
}
