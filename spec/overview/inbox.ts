/**
 * The rules for the cards of the inbox, which show the problems that need a person. The server reads the facts, and the
 * pages show the cards. Every card says what happened, what happens next without a person, and what a person can do.
 */

import { type FailureKind, REMEDIES } from '../job/kinds.ts';
import type { MachinePresence, Waiting, WaitingCode } from '../job/waiting.ts';
import { OFFLINE_AFTER_MS } from '../job/waiting.ts';
import { utcMinute } from '../text.ts';
import { groupBy } from './group.ts';

export const CARD_KINDS = [
  /** The machine stopped responding while the agent worked. */
  'lost_job',
  /** A job failed, and nobody has retried or dismissed it. */
  'failed_job',
  /** Jobs wait for a session. The session is busy, is kept for a lost job, or is offered by no machine. */
  'waiting_session',
  /** A machine is silent, and jobs depend on it. */
  'silent_machine',
  /** The agent on a machine has reached the usage limit of its account. */
  'usage_limit',
  /** A terminal waits for a sign-in, at the network of the person who looks. */
  'sign_in',
] as const;
export type CardKind = (typeof CARD_KINDS)[number];

/** The actions for one job that a card offers. */
export type CardAction =
  | { verb: 'cancel'; jobId: string }
  /** The retry replaces only the attempt `expectedAttempt`. If there is a `warning`, the person must confirm it first. */
  | { verb: 'retry'; jobId: string; expectedAttempt: number; warning?: string }
  /** Removes a failed job from the inbox. */
  | { verb: 'dismiss'; jobId: string };

interface CardBase {
  /** An id that stays the same while the problem lasts, so that a page can follow a card. */
  id: string;
  /** When the problem began, in epoch ms. */
  at: number;
  /** What happened. */
  sentence: string;
  /** What happens next. If no action on the page helps, what the person can do elsewhere. */
  next: string;
  actions: readonly CardAction[];
}

export type InboxCard = CardBase &
  (
    | { kind: 'lost_job'; job: CardJob; machineId?: string }
    | { kind: 'failed_job'; job: CardJob; failureKind?: FailureKind; machineId?: string }
    | { kind: 'waiting_session'; code: WaitingCode; jobs: readonly CardJob[]; jobCount: number }
    | { kind: 'silent_machine'; machineId: string; machineName: string; held: number; queued: number }
    | { kind: 'usage_limit'; machineId: string; machineName: string; resetsAt?: number }
    | { kind: 'sign_in'; terminals: number }
  );

/** The facts about a job that cards show. `title` is the beginning of the prompt. It is empty for a review. */
export interface CardJob {
  id: string;
  title: string;
}

interface TroubledJob extends CardJob {
  attempt: number;
  machineId?: string | undefined;
  at: number;
}

export interface QueuedJob extends CardJob {
  waiting: Waiting;
  /** The reason of the last holder, if it returned the job because a person works in the session. */
  inUse?: string | undefined;
  /** The silent machine that the job waits for. */
  silentMachineId?: string | undefined;
}

export interface InboxFacts {
  now: number;
  lost: readonly (TroubledJob & { sentence: string })[];
  failed: readonly (TroubledJob & { failureKind: FailureKind | undefined; error: string | undefined })[];
  queued: readonly QueuedJob[];
  /** Jobs that machines hold under a lease. */
  held: readonly { machineId: string | undefined }[];
  machines: readonly MachinePresence[];
  /** The terminals that wait for a sign-in in the network of the person, and the time of the newest. */
  signIns?: { count: number; newestAt: number } | undefined;
}

/** The maximum number of cards in one inbox. */
export const CARD_LIMIT = 50;
/** The maximum number of jobs that one card names. */
const NAMED_JOBS = 10;

const MAY_RUN_TWICE = 'The machine stopped responding while the agent worked: the prompt may run twice.';

/** Returns all cards, newest first. */
export function inboxCards(facts: InboxFacts): InboxCard[] {
  const cards = [
    ...facts.lost.map((job) => lostCard(job, facts)),
    ...facts.failed.map(failedCard),
    ...sessionCards(facts.queued),
    ...facts.machines.flatMap((machine) => silentCard(machine, facts)),
    ...facts.machines.flatMap((machine) => limitCard(machine, facts.now)),
    ...signInCard(facts.signIns),
  ];
  return cards.toSorted((one, other) => other.at - one.at || one.id.localeCompare(other.id));
}

function lostCard(job: InboxFacts['lost'][number], { machines }: InboxFacts): InboxCard {
  const { id, title, attempt, machineId, at, sentence } = job;
  const name = machines.find((machine) => machine.machineId === machineId)?.name ?? 'its machine';
  return {
    kind: 'lost_job',
    id: `lost_job:${id}`,
    at,
    job: { id, title },
    ...(machineId === undefined ? {} : { machineId }),
    sentence,
    next: `When ${name} returns, it continues the job or delivers its result. Until then no other job runs in this session.`,
    actions: [
      { verb: 'retry', jobId: id, expectedAttempt: attempt, warning: MAY_RUN_TWICE },
      { verb: 'cancel', jobId: id },
    ],
  };
}

function failedCard(job: InboxFacts['failed'][number]): InboxCard {
  const { id, title, attempt, machineId, at, failureKind, error } = job;
  return {
    kind: 'failed_job',
    id: `failed_job:${id}:${attempt}`,
    at,
    job: { id, title },
    ...(failureKind === undefined ? {} : { failureKind }),
    ...(machineId === undefined ? {} : { machineId }),
    sentence: error?.trim() || 'The job failed without a message.',
    next: failureNextStep(failureKind),
    actions: [
      { verb: 'retry', jobId: id, expectedAttempt: attempt },
      { verb: 'dismiss', jobId: id },
    ],
  };
}

/** What happens to jobs that wait for a session if no person acts. */
const SESSION_NEXT: Partial<Record<WaitingCode, string>> = {
  session_busy: 'The next job starts as soon as the session is free.',
  session_held: 'Decide about the lost job: its card offers to retry or cancel it.',
  no_session: 'The jobs start as soon as the machine syncs such a session. Until then they wait, or expire.',
  no_machine: 'The jobs start as soon as a machine syncs such a repository. Until then they wait, or expire.',
};

const WHEN_FREE = 'Close the session there: the runner notices that, and the job starts within seconds.';

/** Returns one card for each reason to wait. The sentence of the reason names the session. */
function sessionCards(queued: readonly QueuedJob[]): InboxCard[] {
  const groups = groupBy(
    queued.filter(({ waiting, inUse }) => inUse !== undefined || SESSION_NEXT[waiting.code] !== undefined),
    ({ waiting, inUse }) => inUse ?? `${waiting.code}:${waiting.message}`,
  );
  return [...groups].map(([key, jobs]) => {
    const [first] = jobs;
    const { code, message } = first.waiting;
    const named = jobs.slice(0, NAMED_JOBS).map(({ id, title }) => ({ id, title }));
    return {
      kind: 'waiting_session',
      id: `waiting_session:${key}`,
      at: Math.min(...jobs.map((job) => job.waiting.since)),
      code,
      jobs: named,
      jobCount: jobs.length,
      sentence: first.inUse ?? message,
      next: first.inUse === undefined ? (SESSION_NEXT[code] ?? '') : WHEN_FREE,
      actions: named.map(({ id }) => ({ verb: 'cancel', jobId: id })),
    } satisfies InboxCard;
  });
}

/** Returns whether the machine is shown as silent because it has not contacted the server for long enough. */
export function isSilent({ listening, lastSeenAt }: MachinePresence, now: number): boolean {
  return !listening && now - lastSeenAt >= OFFLINE_AFTER_MS;
}

function silentCard(machine: MachinePresence, { held, queued, now }: InboxFacts): InboxCard[] {
  const { machineId, name, lastSeenAt } = machine;
  if (!isSilent(machine, now)) return [];
  const heldJobs = held.filter((job) => job.machineId === machineId).length;
  const waitingJobs = queued.filter((job) => job.silentMachineId === machineId);
  if (heldJobs + waitingJobs.length === 0) return [];
  const work = [
    ...(heldJobs > 0 ? [`${jobs(heldJobs)} on it`] : []),
    ...(waitingJobs.length > 0 ? [`${jobs(waitingJobs.length)} queued for it`] : []),
  ].join(' and ');
  return [
    {
      kind: 'silent_machine',
      id: `silent_machine:${machineId}`,
      at: lastSeenAt,
      machineId,
      machineName: name,
      held: heldJobs,
      queued: waitingJobs.length,
      sentence: `${name} has been silent since ${utcMinute(lastSeenAt)}, with ${work}.`,
      next: 'Wake the machine, or start its runner with orp runner work. It then delivers what it has and continues.',
      actions: waitingJobs.slice(0, NAMED_JOBS).map(({ id }) => ({ verb: 'cancel', jobId: id })),
    },
  ];
}

function limitCard({ machineId, name, condition }: MachinePresence, now: number): InboxCard[] {
  if (condition?.code !== 'usage_limited' || (condition.until ?? now + 1) <= now) return [];
  const { until, since } = condition;
  return [
    {
      kind: 'usage_limit',
      id: `usage_limit:${machineId}`,
      at: since,
      machineId,
      machineName: name,
      ...(until === undefined ? {} : { resetsAt: until }),
      sentence: `The agent on ${name} has reached the usage limit of its account.`,
      next:
        until === undefined
          ? 'Its runner claims jobs again as soon as the agent can work. The time of the reset is not known.'
          : `The limit resets at ${utcMinute(until)}. Its runner then claims jobs again.`,
      actions: [],
    },
  ];
}

/**
 * A waiting terminal belongs to no account, and anybody can start one. So the card says nothing about the terminal and cannot
 * approve it. The code, which only the terminal shows, proves that the person sees the terminal.
 */
function signInCard(signIns: InboxFacts['signIns']): InboxCard[] {
  if (signIns === undefined || signIns.count === 0) return [];
  const { count, newestAt } = signIns;
  return [
    {
      kind: 'sign_in',
      id: 'sign_in',
      at: newestAt,
      terminals: count,
      sentence:
        count === 1
          ? 'A terminal in your network waits to be signed in.'
          : `${count} terminals in your network wait to be signed in.`,
      next: 'Have you just run orp auth login? Then type the code that it shows. Otherwise ignore this: it ends within ten minutes.',
      actions: [],
    },
  ];
}

function jobs(count: number): string {
  return count === 1 ? '1 job' : `${count} jobs`;
}

/** For each kind of failure, a sentence that says what a person can do about the failed job. */
const STEPS: Record<FailureKind, string> = {
  agent_error: 'Read the end of its transcript, then retry the job.',
  session_missing: REMEDIES.session_missing ?? '',
  usage_limited:
    'Wait until the limit resets, then retry the job. It had begun, so read its transcript first.',
  signed_out:
    'Sign the agent in on its machine, then retry the job. It had begun, so read its transcript first.',
  overloaded: 'Retry the job later. It had begun, so read its transcript first.',
  agent_unavailable:
    'Repair the agent: orp link doctor on its machine says what is wrong. Then retry the job.',
  context_full: REMEDIES.context_full ?? '',
  model_unavailable: REMEDIES.model_unavailable ?? '',
  agent_timeout:
    'Ask for less at once, or set a longer time limit. Read its transcript before you retry the job.',
  no_repository:
    'Link the repository with orp link project bind, and run orp runner sync there. Then retry the job.',
  no_session:
    'Register a session with orp link session register, and run orp runner sync there. Then retry the job.',
  unsupported_kind: 'Update orp on its machine and restart the runner. Then retry the job.',
  policy_denied:
    'Change the rule on its machine with orp runner policy, or send the job to another repository.',
  attempts_exhausted:
    'Find out why its machine lost the job: orp runner status there. Then retry the job; the prompt may run again.',
  expired: 'Retry the job if it should still run.',
};

/** Returns the next step after a failure. A failure without a kind was caused by the agent. */
export function failureNextStep(kind: FailureKind | null | undefined): string {
  return STEPS[kind ?? 'agent_error'];
}
