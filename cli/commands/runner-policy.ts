/** `orp runner policy show|check|test`: the rules for jobs on this machine. Local only; sends nothing. */

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { isJobKind } from '../../spec/job/kinds.ts';
import type { Policy } from '../../spec/local/policy.ts';
import { decisionOf, judgeJob, type PolicyRule, type RuleOutcome } from '../../spec/policy/judge.ts';
import { describeSpan, quietSpanAt } from '../../spec/policy/quiet-hours.ts';
import { CliError, EXIT_NEGATIVE, messageOf } from '../base/exit.ts';
import { shellWord } from '../base/shell-word.ts';
import { isObject, type JsonObject } from '../files/json-file.ts';
import type { CommonOptions, Context } from '../output/context.ts';
import { advicePage, plainTable, said, table } from '../output/page.ts';
import { formatLines, type Line, printResult } from '../output/print.ts';
import { readSecret } from '../output/terminal.ts';
import type { Rich } from '../output/text-output.ts';
import { limitsOf, ownerNames, policyOf, wallTime } from '../policy/owner-policy.ts';
import { describeBroken, type PolicyFile, readPolicyFile } from '../policy/policy-file.ts';
import { inspectRoots } from '../records/sync-payload.ts';
import { jobAtPlace } from '../runner/agent-run/policy-gate.ts';
import { type ClaimedJob, readPollAnswer } from '../runner/job/claimed-job.ts';
import { type Placement, placeJob, workplacesOf } from '../runner/job/workplace.ts';
import { linkedRootOption, type Shell, withJson } from './shell.ts';

interface TestOptions extends CommonOptions {
  linkedProjectRoot: string[];
  allLinked?: boolean;
}

const ABOUT = `
The rules are in ~/.config/orp/policy.json (or $XDG_CONFIG_HOME/orp/policy.json), a file that you write. Without it,
all jobs from your own account may run. Example: two folders, with a prompt before jobs from colleagues:

  {
    "schema_version": "1.0.0",
    "repositories": ["~/code/*", "/srv/tides"],
    "accounts": ["owner", "*@example.org"],
    "codex_sandbox": "workspace-write",
    "confirm": "unknown-sender"
  }

Changes apply from the next job on, without a restart. docs/policy.md lists every rule.`;

const AFTER_SHOW = ``;

const AFTER_TEST = `
The decision is run, ask (a person at the runner's terminal), wait (the job stays queued) or refuse.`;

export function registerRunnerPolicy(group: Command, shell: Shell): void {
  const policy = group
    .command('policy')
    .description('show, check and test the rules for jobs on this machine')
    .addHelpText('after', ABOUT);
  withJson(policy.command('show').description('show the rules'))
    .addHelpText('after', AFTER_SHOW)
    .action((options: CommonOptions) => shell.run(options, show));
  withJson(policy.command('check').description('check the file and list its problems'))
    .addHelpText('after', AFTER_SHOW)
    .action((options: CommonOptions) => shell.run(options, check));
  withJson(
    policy
      .command('test')
      .description('show what the runner would do with a job, and which rule decides')
      .argument('<job.json>', 'file with the output of `orp job show --json`, or - for stdin')
      .addOption(linkedRootOption('another linked repository to include'))
      .option('--all-linked', 'include every repository linked on this machine')
      .addHelpText('after', AFTER_TEST),
  ).action((file: string, options: TestOptions) =>
    shell.run(options, (context) => test(context, file, options)),
  );
}

/** Shows what each rule allows, in the order of the file. */
async function show(context: Context): Promise<number> {
  const file = readPolicyFile(context.env);
  const policy = policyOf(file);
  const quiet = quietSpanAt(policy.quiet_hours, wallTime(context.now()));
  const document = {
    ok: file.kind !== 'broken',
    path: file.path,
    exists: file.kind !== 'absent',
    policy: file.kind === 'valid' ? file.policy : null,
    quiet_now: quiet !== undefined,
    problems: problemsOf(file),
  };
  printResult(context, document, {
    lines: () => {
      const head = formatLines([
        ['policy.path', file.path],
        ['policy.exists', document.exists],
        ['policy.valid', document.ok],
        ['policy.quiet_now', document.quiet_now],
      ]);
      if (file.kind === 'broken') return head + formatLines([['warning', brokenSentence(file)]]);
      return `${head}\n${plainTable(['rule', 'allows'], describeRules(policy))}`;
    },
    page: (columns) => rulesPage(file, columns),
  });
  return document.ok ? 0 : EXIT_NEGATIVE;
}

async function check(context: Context): Promise<number> {
  const file = readPolicyFile(context.env);
  const problems = problemsOf(file);
  const document = { ok: problems.length === 0, path: file.path, exists: file.kind !== 'absent', problems };
  printResult(context, document, {
    lines: () => {
      const head: Line[] = [
        ['policy.path', file.path],
        ['policy.exists', document.exists],
        ['policy.valid', document.ok],
      ];
      if (file.kind === 'absent') head.push(['note', 'No policy: all jobs from your own account may run.']);
      if (problems.length === 0) return formatLines(head);
      head.push(['warning', 'The runner claims no jobs until the file is valid. It needs no restart then.']);
      const rows = problems.map(({ field, message }) => [field === '' ? '(file)' : field, message]);
      return `${formatLines(head)}\n${plainTable(['field', 'problem'], rows)}`;
    },
    page: (columns) => checkPage(file, columns),
  });
  return document.ok ? 0 : EXIT_NEGATIVE;
}

/** Routes and judges the job exactly as the runner does. */
async function test(context: Context, name: string, options: TestOptions): Promise<number> {
  const job = readJob(await readInput(context, name), name);
  const roots = await rootsOf(context, options);
  const candidates = await inspectRoots({ roots, env: context.env, now: context.now() });
  const placement = placeJob(job, workplacesOf(candidates), context.repoRoot);
  const verdict = judge(context, job, placement);
  const document = {
    ok: verdict.decision !== 'refuse',
    ...verdict,
    job: { id: job.id, kind: job.kind, created_by: job.createdBy ?? null },
    place:
      placement.kind === 'placed'
        ? {
            repository: placement.workplace.root,
            orp_session_id: placement.session.orp_session_id,
            codex_session_id: placement.codexSessionId,
          }
        : null,
  };
  printResult(context, document, {
    lines: () => {
      const head = formatLines([
        ['decision', verdict.decision],
        ['rule', verdict.rule],
        ['why', verdict.why],
        ...(placement.kind === 'placed' || options.allLinked ? [] : [nextOf(name)]),
      ]);
      const rows = verdict.rules.map(({ rule, outcome, why }) => [rule, outcome, why]);
      if (rows.length === 0) return head;
      return `${head}\n${plainTable(['rule', 'says', 'why'], rows)}`;
    },
    page: (columns) =>
      verdictPage(
        verdict,
        placement.kind === 'placed' || options.allLinked ? [] : [nextOf(name)[1]],
        columns,
      ),
  });
  return document.ok ? 0 : EXIT_NEGATIVE;
}

function rulesPage(file: PolicyFile, columns: number): Rich {
  if (file.kind === 'broken') return said('failed', brokenSentence(file));
  if (file.kind === 'absent')
    return said('idle', `No policy at ${file.path}: all jobs from your own account may run.`);
  const rows = describeRules(file.policy).map((row) => row.map((text) => ({ text: String(text ?? '') })));
  return [said('done', `The policy is ${file.path}.`), '\n', table(['RULE', 'ALLOWS'], rows, columns)];
}

function checkPage(file: PolicyFile, columns: number): Rich {
  const problems = problemsOf(file);
  if (problems.length === 0)
    return said(
      'done',
      file.kind === 'absent'
        ? 'No policy: all jobs from your own account may run.'
        : `${file.path} is valid.`,
    );
  const rows = problems.map(({ field, message }) => [
    { text: field === '' ? '(file)' : field },
    { text: message },
  ]);
  const warning = 'The runner claims no jobs until the file is valid. It needs no restart then.';
  return [
    said('failed', `${file.path} is not valid.`),
    '\n',
    table(['FIELD', 'PROBLEM'], rows, Math.max(columns, 160)),
    '\n',
    said('warning', warning),
  ];
}

function verdictPage(verdict: ReturnType<typeof judge>, next: readonly string[], columns: number): Rich {
  const rows = verdict.rules.map(({ rule, outcome, why }) =>
    [rule, outcome, why].map((text) => ({ text: String(text ?? '') })),
  );
  return [
    said(verdict.decision === 'refuse' ? 'failed' : 'done', `${verdict.decision}: ${verdict.why}`),
    rows.length === 0 ? '' : ['\n', table(['RULE', 'SAYS', 'WHY'], rows, columns)],
    advicePage({ next_actions: next }),
  ];
}

/** Returns the next command. An installed runner works in all linked repositories, not only in this one. */
function nextOf(name: string): readonly [string, string] {
  return ['next', `orp runner policy test --all-linked ${shellWord(name)}`];
}

/** Returns the repositories that a runner would use. */
async function rootsOf(context: Context, options: TestOptions): Promise<string[]> {
  // Throws when git environment variables name a repository other than the current directory.
  await context.repository();
  const { env, repoRoot } = context;
  const named = [repoRoot, ...options.linkedProjectRoot];
  if (!options.allLinked) return named;
  const { findLinkedRoots } = await import('../records/linked-roots.ts');
  return [...named, ...(await findLinkedRoots(env)).roots];
}

interface Verdict {
  decision: 'run' | 'ask' | 'wait' | 'refuse';
  /** The rule that decided. Blank if no rule applies. */
  rule: string;
  why: string;
  rules: RuleOutcome[];
  codex: JsonObject;
  max_run_minutes: number | null;
}

function judge(context: Context, job: ClaimedJob, placement: Placement): Verdict {
  const file = readPolicyFile(context.env);
  const policy = policyOf(file);
  const limits = limitsOf(policy);
  const held = {
    codex: { ...limits.settings },
    max_run_minutes: limits.maxRunMs === undefined ? null : limits.maxRunMs / 60_000,
  };
  if (file.kind === 'broken') {
    // The job stays queued, because a runner claims nothing until the file is valid.
    return { decision: 'wait', rule: 'policy_file', why: brokenSentence(file), rules: [], ...held };
  }
  if (placement.kind !== 'placed') {
    return { decision: 'refuse', rule: placement.kind, why: placement.error, rules: [], ...held };
  }
  const at = wallTime(context.now());
  const rules = judgeJob(policy, { ...jobAtPlace(job, placement), owner: ownerNames(context.env), at });
  const decisive = decisionOf(rules);
  if (decisive === undefined && !isJobKind(job.kind)) {
    const why = `this version of orp does not support jobs of kind ${JSON.stringify(job.kind)}`;
    return { decision: 'refuse', rule: 'unsupported_kind', why, rules, ...held };
  }
  if (decisive === undefined) {
    return { decision: 'run', rule: '', why: 'every rule allows it', rules, ...held };
  }
  const decision = ({ deny: 'refuse', wait: 'wait', ask: 'ask', allow: 'run' } as const)[decisive.outcome];
  return { decision, rule: decisive.rule, why: decisive.why, rules, ...held };
}

function readInput(context: Context, name: string): Promise<string> | string {
  if (name === '-') return readSecret(context);
  try {
    return readFileSync(resolve(context.cwd, name), 'utf8');
  } catch (error) {
    throw new CliError(`Could not read ${name}: ${messageOf(error)}.`, {
      code: 'no_file',
      hint: 'Save a job with `orp job show <job-id> --json > job.json`.',
    });
  }
}

function readJob(text: string, name: string): ClaimedJob {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw notAJob(`${name} is not JSON: ${messageOf(error)}.`);
  }
  const bare = isObject(value) && !('job' in value) ? { job: { id: 'job_test', ...value } } : value;
  const answer = readPollAnswer(bare);
  if (answer.kind === 'job') return answer.job;
  throw notAJob(
    answer.kind === 'idle' ? `${name} contains no job.` : `${name} contains no job: ${answer.message}.`,
  );
}

function notAJob(message: string): CliError {
  return new CliError(message, {
    code: 'no_job',
    hint: 'The minimum is {"kind": "session.prompt", "createdBy": "you@example.org"}; `orp job show <job-id> --json` prints a full job.',
  });
}

function problemsOf(file: PolicyFile) {
  return file.kind === 'broken' ? file.problems : [];
}

function brokenSentence(file: Extract<PolicyFile, { kind: 'broken' }>): string {
  return describeBroken(file.path, file.problems);
}

/** Returns one row per rule, including rules that the file omits. */
function describeRules(policy: Policy): [string, string][] {
  const list = (values: readonly string[] | undefined, all: string): string => {
    if (values === undefined) return all;
    return values.length === 0 ? 'nothing' : values.join(', ');
  };
  const rules: Record<Exclude<PolicyRule, 'policy_file'>, string> = {
    repositories: list(policy.repositories, 'every linked repository'),
    sessions: list(policy.sessions, 'every linked session'),
    job_kinds: list(policy.job_kinds, 'every kind'),
    accounts: list(policy.accounts, 'your own account'),
    quiet_hours: policy.quiet_hours?.map(describeSpan).join('; ') || 'none',
    confirm: policy.confirm ?? 'never',
  };
  const minutes = policy.max_run_minutes;
  return [
    ...Object.entries(rules),
    ['codex_sandbox', policy.codex_sandbox ?? "Codex's own configuration"],
    ['codex_approval', policy.codex_approval ?? "Codex's own configuration"],
    ['max_run_minutes', minutes === undefined ? 'the limit of the job' : String(minutes)],
  ];
}
