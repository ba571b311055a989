/**
 * The runner checks the policy before it claims and before it starts an agent. It reads the file each time, so that changes
 * apply immediately. The server cannot override the policy.
 */

import type { OwnerCondition } from '../../spec/job/condition.ts';
import type { PolicyVerdict } from '../../spec/job/policy-verdict.ts';
import type { Policy } from '../../spec/local/policy.ts';
import {
  decisionOf,
  judgeJob,
  type PolicyQuestion,
  type PolicyRule,
  standingVerdict,
} from '../../spec/policy/judge.ts';
import { describeSpan, minutesLeft, quietSpanAt, type WallTime } from '../../spec/policy/quiet-hours.ts';
import type { AgentSettings } from '../agents/agent.ts';
import { resolvePath } from '../files/paths.ts';
import { readRemoteSession } from '../records/sign-in-record.ts';
import { describeBroken, type PolicyFile, readPolicyFile } from './policy-file.ts';

/** A job and the place where it would run. */
export interface JobAtPlace extends Omit<PolicyQuestion, 'owner' | 'at'> {
  /** The next two fields are shown in the question. */
  id: string;
  prompt: string;
}

/** The limits for the agent. */
export interface PolicyLimits {
  settings: AgentSettings;
  /** Maximum run time of an agent. */
  maxRunMs?: number;
}

export type Review =
  | { kind: 'allowed'; limits: PolicyLimits }
  | { kind: 'refused'; rule: PolicyRule; message: string }
  /** The question ended without an answer. */
  | { kind: 'unanswered' };

/** `nobody`: no answer in time. `left`: the person left, or the signal withdrew the question. */
export type PersonAnswer = 'yes' | 'no' | 'nobody' | 'left';

/** Asks the person at the terminal. The signal withdraws the question. */
export type AskPerson = (job: JobAtPlace, why: string, signal: AbortSignal) => Promise<PersonAnswer>;

export interface ReviewOptions {
  /** Withdraws the question. */
  signal: AbortSignal;
  /** Called before a person is asked. */
  onAsk?(): void;
}

export interface PolicyDeskOptions {
  env: NodeJS.ProcessEnv;
  /** Epoch ms. */
  now(): number;
  /** Absent without a terminal. */
  ask?: AskPerson | undefined;
}

const CHECK_HINT = 'Run `orp runner policy check`. Jobs wait until the file is valid.';

/** Why the runner currently claims no jobs. */
export interface WaitReason {
  code: OwnerCondition;
  /** When the quiet hours end, in epoch ms. */
  until?: number;
  /** A sentence. */
  message: string;
  /** True if the owner wants this. Otherwise, the policy needs a fix. */
  isWanted: boolean;
}

export class OwnerPolicy {
  readonly #options: PolicyDeskOptions;

  constructor(options: PolicyDeskOptions) {
    this.#options = options;
  }

  /** Returns why the runner may not claim now, or undefined if it may. Meanwhile jobs stay queued. */
  reasonToWait(): WaitReason | undefined {
    const file = readPolicyFile(this.#options.env);
    if (file.kind === 'absent') return undefined;
    if (file.kind === 'broken') {
      const message = `${describeBroken(file.path, file.problems)} ${CHECK_HINT}`;
      return { code: 'policy_invalid', message, isWanted: false };
    }
    const now = this.#options.now();
    const at = wallTime(now);
    const span = quietSpanAt(file.policy.quiet_hours, at);
    if (span === undefined) return undefined;
    const until = now - (now % 60_000) + minutesLeft(span, at) * 60_000;
    const message = `Quiet hours are ${describeSpan(span)} (rule quiet_hours): the runner claims no jobs.`;
    return { code: 'quiet_hours', message, isWanted: true, until };
  }

  /** Reviews a job before its agent starts. Ignores quiet hours that began after the claim. */
  async review(job: JobAtPlace, options: ReviewOptions): Promise<Review> {
    const { env, now } = this.#options;
    const file = readPolicyFile(env);
    if (file.kind === 'broken') return refusal('policy_file', describeBroken(file.path, file.problems));
    const policy = policyOf(file);
    if (policy.repositories !== undefined && !isResolved(job)) {
      return refusal('repositories', `${JSON.stringify(job.cwd)} does not name the folder itself.`);
    }
    const question = { ...job, owner: ownerNames(env), at: wallTime(now()) };
    const outcomes = judgeJob(policy, question).filter(({ outcome }) => outcome !== 'wait');
    const decision = decisionOf(outcomes);
    if (decision?.outcome === 'deny') return refusal(decision.rule, `${decision.why}.`);
    const allowed: Review = { kind: 'allowed', limits: limitsOf(policy) };
    if (decision?.outcome !== 'ask') return allowed;
    const { ask } = this.#options;
    const { rule, why } = decision;
    if (ask === undefined) return refusal(rule, `${why}, but the runner has no terminal.`);
    options.onAsk?.();
    switch (await ask(job, why, options.signal)) {
      case 'yes':
        return allowed;
      case 'no':
        return refusal(rule, 'the person at the terminal refused it.');
      case 'nobody':
        return refusal(rule, `${why}, but nobody answered at the terminal.`);
      case 'left':
        return { kind: 'unanswered' };
    }
  }
}

/** Returns what the policy says about prompts of the signed-in account. Reads the file once, for all places. */
export function verdictOnPrompts(
  env: NodeJS.ProcessEnv,
): (place: Pick<PolicyQuestion, 'repository' | 'cwd' | 'sessions'>) => PolicyVerdict | undefined {
  const owner = ownerNames(env);
  const file = readPolicyFile(env);
  return (place) => {
    // The server names the sender of a job, but this machine does not know the name of its own account, so the verdict is unknown.
    if (owner[0] === undefined) return undefined;
    if (file.kind === 'broken') return { outcome: 'deny', rule: 'policy_file' };
    return standingVerdict(policyOf(file), { ...place, kind: 'session.prompt', sender: owner[0], owner });
  };
}

/** A symlink in the path could lead out of the folder that the rules name. */
function isResolved({ repository, cwd }: JobAtPlace): boolean {
  return [repository, cwd].every((path) => resolvePath('/', path) === path);
}

/** Without a file, all jobs from the owner's account are allowed. */
export function policyOf(file: PolicyFile): Policy {
  return file.kind === 'valid' ? file.policy : { schema_version: '1.0.0' };
}

/** The limits of the policy for every run. */
export function limitsOf(policy: Policy): PolicyLimits {
  const { codex_sandbox: sandbox, codex_approval: approval, max_run_minutes: minutes } = policy;
  return {
    settings: {
      ...(sandbox === undefined ? {} : { sandbox }),
      ...(approval === undefined ? {} : { approval }),
    },
    ...(minutes === undefined ? {} : { maxRunMs: minutes * 60_000 }),
  };
}

/** The names that the server may use for the account of this machine. */
export function ownerNames(env: NodeJS.ProcessEnv): string[] {
  const { email, user } = readRemoteSession(env);
  return [email, user?.email, user?.id].filter((name) => typeof name === 'string' && name !== '') as string[];
}

/** The time in the current time zone of this computer. */
export function wallTime(at: number): WallTime {
  rereadTimeZone();
  const local = new Date(at);
  return { weekday: local.getDay(), minute: local.getHours() * 60 + local.getMinutes() };
}

/**
 * Node keeps the time zone of its start, which is wrong on a laptop that travels. Any write to `TZ` makes Node read the zone
 * again.
 */
function rereadTimeZone(): void {
  const { TZ } = process.env;
  if (TZ === undefined) delete process.env.TZ;
  else process.env.TZ = TZ;
}

function refusal(rule: PolicyRule, why: string): Review {
  return {
    kind: 'refused',
    rule,
    message: `The policy of this machine refused the job (rule ${rule}): ${why}`,
  };
}
