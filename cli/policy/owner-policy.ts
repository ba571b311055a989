/**
 * The runner asks here before it claims and before it starts an agent. The file is read each time, so that a change
 * counts at once; what it says is final, because nothing that comes from the service is asked.
 */

import type { Policy } from '../../spec/local/policy.ts';
import { decisionOf, judgeJob, type PolicyQuestion, type PolicyRule } from '../../spec/policy/judge.ts';
import { describeSpan, quietSpanAt, type WallTime } from '../../spec/policy/quiet-hours.ts';
import type { AgentSettings } from '../agents/agent.ts';
import { resolvePath } from '../files/paths.ts';
import { readRemoteSession } from '../records/remote-session.ts';
import { describeBroken, type PolicyFile, readPolicyFile } from './policy-file.ts';

/** A job where it would run. */
export interface JobAtPlace extends Omit<PolicyQuestion, 'owner' | 'at'> {
  /** These two are shown to the person who is asked. */
  id: string;
  prompt: string;
}

/** What the agent is held to. */
export interface PolicyLimits {
  settings: AgentSettings;
  /** No agent runs longer. */
  maxRunMs?: number;
}

export type Review =
  | { kind: 'allowed'; limits: PolicyLimits }
  | { kind: 'refused'; rule: PolicyRule; message: string }
  /** A person was asked and left the question, or it was taken back: nobody said yes or no. */
  | { kind: 'unanswered' };

/** `nobody`: no answer came in time. `left`: the person left, or the signal took the question back. */
export type PersonAnswer = 'yes' | 'no' | 'nobody' | 'left';

/** Asks the person at the terminal. The signal takes the question back. */
export type AskPerson = (job: JobAtPlace, why: string, signal: AbortSignal) => Promise<PersonAnswer>;

export interface ReviewOptions {
  /** Takes a question back. */
  signal: AbortSignal;
  /** Called when a person is about to be asked. */
  onAsk?(): void;
}

export interface PolicyDeskOptions {
  env: NodeJS.ProcessEnv;
  /** Epoch ms. */
  now(): number;
  /** Absent when there is no terminal. */
  ask?: AskPerson | undefined;
}

const CHECK_HINT = 'Run `orp runner policy check`; jobs wait until the file is right.';

/** Why nothing is claimed for now. */
export interface WaitReason {
  /** A sentence. */
  message: string;
  /** The owner said so; else something has to be repaired. */
  isWanted: boolean;
}

export class OwnerPolicy {
  readonly #options: PolicyDeskOptions;

  constructor(options: PolicyDeskOptions) {
    this.#options = options;
  }

  /** Why nothing may be claimed now; undefined when it may. Jobs wait meanwhile. */
  reasonToWait(): WaitReason | undefined {
    const file = readPolicyFile(this.#options.env);
    if (file.kind === 'absent') return undefined;
    if (file.kind === 'broken') {
      return { message: `${describeBroken(file.path, file.problems)} ${CHECK_HINT}`, isWanted: false };
    }
    const span = quietSpanAt(file.policy.quiet_hours, wallTime(this.#options.now()));
    if (span === undefined) return undefined;
    const message = `Quiet hours are ${describeSpan(span)} (rule quiet_hours): no job is claimed, jobs wait.`;
    return { message, isWanted: true };
  }

  /** Before the agent starts. Quiet hours that began after the claim do not count any more. */
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
    if (ask === undefined) return refusal(rule, `${why}, and the runner has no terminal to ask at.`);
    options.onAsk?.();
    switch (await ask(job, why, options.signal)) {
      case 'yes':
        return allowed;
      case 'no':
        return refusal(rule, 'the person at the terminal said no.');
      case 'nobody':
        return refusal(rule, `${why}, and nobody answered at the terminal.`);
      case 'left':
        return { kind: 'unanswered' };
    }
  }
}

/** A symlink in the path would lead out of the folder that the rules name. */
function isResolved({ repository, cwd }: JobAtPlace): boolean {
  return [repository, cwd].every((path) => resolvePath('/', path) === path);
}

/** An absent file: everything of the owner's own. */
export function policyOf(file: PolicyFile): Policy {
  return file.kind === 'valid' ? file.policy : { schema_version: '1.0.0' };
}

/** What the policy makes of every run. */
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

/** The names by which the service may call the account of this machine. */
export function ownerNames(env: NodeJS.ProcessEnv): string[] {
  const { email, user } = readRemoteSession(env);
  return [email, user?.email, user?.id].filter((name) => typeof name === 'string' && name !== '') as string[];
}

/** In the time zone of this computer, as it is now. */
export function wallTime(at: number): WallTime {
  rereadTimeZone();
  const local = new Date(at);
  return { weekday: local.getDay(), minute: local.getHours() * 60 + local.getMinutes() };
}

/**
 * Node keeps the zone it started in: months later, on a laptop that has travelled, quiet hours would still be those of
 * home. It looks again whenever `TZ` is written, also when nothing changes.
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
    message: `The policy of this machine refuses the job (rule ${rule}): ${why}`,
  };
}
