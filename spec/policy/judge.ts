/** Decides whether a job may run under a policy. Checks every rule, so that people see all rules that prevent the job. */

import type { PolicyVerdict } from '../job/policy-verdict.ts';
import type { Policy } from '../local/policy.ts';
import { OWNER } from '../local/policy.ts';
import { matchesPath, matchesText } from './glob.ts';
import { describeSpan, quietSpanAt, type WallTime } from './quiet-hours.ts';

/** The rules, in the order in which they are judged. Each but the first has the name of its key in the file. */
const POLICY_RULES = [
  /** The file exists but is invalid. Nothing is allowed until it is fixed. */
  'policy_file',
  'job_kinds',
  'accounts',
  'repositories',
  'sessions',
  'quiet_hours',
  'confirm',
] as const;
export type PolicyRule = (typeof POLICY_RULES)[number];

/** A job at the place where it would run. Paths are absolute, symlinks resolved. */
export interface PolicyQuestion {
  kind: string;
  /** The name of the account that sent the job, from the server. */
  sender: string | undefined;
  /** Every name of the account this machine is signed in to: e-mail, id. */
  owner: readonly string[];
  /** Root of the repository. */
  repository: string;
  /** Folder the agent works in. */
  cwd: string;
  /** Ids of the session: its own and the agent's. */
  sessions: readonly string[];
  at: WallTime;
}

/** The outcome of one rule. `ask` means that a person at the terminal decides. `wait` means that the job must wait. */
export interface RuleOutcome {
  rule: PolicyRule;
  outcome: 'allow' | 'deny' | 'wait' | 'ask';
  why: string;
}

/** Checks every rule. The paths in the policy and in the question must be absolute and resolved. */
export function judgeJob(policy: Policy, question: PolicyQuestion): RuleOutcome[] {
  return [
    judgeKind(policy, question),
    judgeSender(policy, question),
    judgePlace(policy, question),
    judgeSession(policy, question),
    judgeTime(policy, question),
    judgeConfirmation(policy, question),
  ];
}

/** The verdict of all rules: the first refusal, else the first wait, else the first question, else yes. */
export function decisionOf(outcomes: readonly RuleOutcome[]): RuleOutcome | undefined {
  for (const wanted of ['deny', 'wait', 'ask'] as const) {
    const found = outcomes.find(({ outcome }) => outcome === wanted);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Returns what the rules say about a job at any time of day: quiet hours only delay it. */
export function standingVerdict(policy: Policy, question: Omit<PolicyQuestion, 'at'>): PolicyVerdict {
  const outcomes = judgeJob(policy, { ...question, at: { weekday: 0, minute: 0 } });
  const decision = decisionOf(outcomes.filter(({ outcome }) => outcome !== 'wait'));
  return decision === undefined
    ? { outcome: 'allow' }
    : { outcome: decision.outcome === 'deny' ? 'deny' : 'ask', rule: decision.rule };
}

/** Returns whether the account is the owner's account, or an account that the policy names. */
function isKnownSender(policy: Policy, { sender, owner }: PolicyQuestion): boolean {
  if (sender === undefined) return false;
  if (isOwner(sender, owner)) return true;
  // A pattern allows an account, but the account is still unknown.
  return (policy.accounts ?? []).some((account) => isSame(account, sender));
}

function judgeKind({ job_kinds: kinds }: Policy, { kind }: PolicyQuestion): RuleOutcome {
  const rule = 'job_kinds';
  if (kinds === undefined) return { rule, outcome: 'allow', why: 'every kind may run' };
  if ((kinds as readonly string[]).includes(kind)) return { rule, outcome: 'allow', why: `${kind} may run` };
  return { rule, outcome: 'deny', why: `jobs of kind ${quote(kind)} may not run here` };
}

function judgeSender({ accounts }: Policy, { sender, owner }: PolicyQuestion): RuleOutcome {
  const rule = 'accounts';
  if (accounts === undefined) {
    if (sender === undefined) return { rule, outcome: 'allow', why: 'the job names no sender' };
    if (isOwner(sender, owner)) return { rule, outcome: 'allow', why: `${quote(sender)} owns this machine` };
    return {
      rule,
      outcome: 'deny',
      why: `${quote(sender)} is not the account of this machine, and no rule names it`,
    };
  }
  if (sender === undefined) {
    return { rule, outcome: 'deny', why: 'the job names no sender, and only named senders are allowed' };
  }
  const entry = accounts.find((account) =>
    account === OWNER ? isOwner(sender, owner) : matchesText(foldName(account), foldName(sender)),
  );
  if (entry === undefined) return { rule, outcome: 'deny', why: `${quote(sender)} may not send jobs here` };
  return { rule, outcome: 'allow', why: `${quote(sender)} fits ${quote(entry)}` };
}

/** Both the repository and the folder are checked: a session may name a folder outside its repository. */
function judgePlace({ repositories }: Policy, { repository, cwd }: PolicyQuestion): RuleOutcome {
  const rule = 'repositories';
  if (repositories === undefined) return { rule, outcome: 'allow', why: 'every linked repository' };
  const unclear = [repository, cwd].find((path) => !isPlain(path));
  if (unclear !== undefined) return { rule, outcome: 'deny', why: `${quote(unclear)} is no resolved path` };
  const entry = repositories.find((pattern) => matchesPath(pattern, repository));
  if (entry === undefined) return { rule, outcome: 'deny', why: `no agent may work in ${repository}` };
  const isInside = cwd === repository || cwd.startsWith(`${repository}/`);
  if (!isInside && !repositories.some((pattern) => matchesPath(pattern, cwd))) {
    return { rule, outcome: 'deny', why: `the session works in ${cwd}, outside its repository` };
  }
  return { rule, outcome: 'allow', why: `${repository} fits ${quote(entry)}` };
}

/** Returns whether a path is absolute and has no `..`, which could match a pattern but lead to another folder. */
function isPlain(path: string): boolean {
  const [before, ...names] = path.split('/');
  return path === '/' || (before === '' && names.length > 0 && !names.some((name) => /^\.{0,2}$/.test(name)));
}

function judgeSession({ sessions }: Policy, question: PolicyQuestion): RuleOutcome {
  const rule = 'sessions';
  if (sessions === undefined) return { rule, outcome: 'allow', why: 'every linked session' };
  const entry = sessions.find((pattern) => question.sessions.some((id) => matchesText(pattern, id)));
  if (entry !== undefined) return { rule, outcome: 'allow', why: `the session fits ${quote(entry)}` };
  return { rule, outcome: 'deny', why: `the session ${quote(question.sessions[0] ?? '')} may not take work` };
}

function judgeTime({ quiet_hours: spans }: Policy, { at }: PolicyQuestion): RuleOutcome {
  const rule = 'quiet_hours';
  const span = quietSpanAt(spans, at);
  if (span === undefined) return { rule, outcome: 'allow', why: 'no quiet hours now' };
  return { rule, outcome: 'wait', why: `quiet hours are ${describeSpan(span)}` };
}

function judgeConfirmation(policy: Policy, question: PolicyQuestion): RuleOutcome {
  const rule = 'confirm';
  const { confirm = 'never' } = policy;
  if (confirm === 'never') return { rule, outcome: 'allow', why: 'nobody is asked' };
  if (confirm === 'unknown-sender' && isKnownSender(policy, question)) {
    return { rule, outcome: 'allow', why: `${quote(question.sender ?? '')} is known` };
  }
  const why = confirm === 'always' ? 'every job is confirmed at the terminal' : 'the sender is not known';
  return { rule, outcome: 'ask', why };
}

function isOwner(sender: string, owner: readonly string[]): boolean {
  return owner.some((name) => isSame(name, sender));
}

function isSame(a: string, b: string): boolean {
  const name = foldName(a);
  return name !== '' && name === foldName(b);
}

/**
 * E-mail addresses are compared case-insensitively, in ASCII only: some other letters have an ASCII letter as their
 * lower case.
 */
function foldName(name: string): string {
  return name.trim().replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

function quote(text: string): string {
  return JSON.stringify(text);
}
