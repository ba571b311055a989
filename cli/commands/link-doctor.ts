/** `orp link doctor`: finds the problems of the links of a repository, and repairs what is safe with `--fix`. */

import { EXIT_NEGATIVE, messageOf } from '../base/exit.ts';
import type { CommonOptions, Context } from '../output/context.ts';
import { said } from '../output/page.ts';
import { type Line, printResult } from '../output/print.ts';
import type { Rich } from '../output/text-output.ts';
import { inspectRoots, unlinkedRepository } from '../records/sync-payload.ts';
import { type AgentWay, agentLines, describeAgentWay, findAgentWayHere } from '../status/agent-way.ts';
import {
  goneSessionIssues,
  signInIssues,
  type WaitingJob,
  waitingJobIssues,
} from '../status/doctor/agent-issues.ts';
import { type Finding, findIssues } from '../status/doctor/issues.ts';
import {
  desktopIssues,
  findBlockedPaths,
  findOldRoot,
  listIssues,
  rightsIssues,
} from '../status/doctor/record-issues.ts';
import { type DoctorCode, REMEDIES } from '../status/doctor/remedies.ts';
import { findRepairs, type Repair } from '../status/doctor/repairs.ts';
import type { LinkFacts } from '../status/link-facts.ts';
import { buildLinkStatus } from '../status/link-status.ts';
import { gatherHere } from './link-here.ts';

export interface DoctorOptions extends CommonOptions {
  strict?: boolean;
  fix?: boolean;
}

interface Issue extends Finding {
  /** Always false, as in v0.4.4. `fix` says whether `--fix` repairs the problem. */
  fixable: false;
  remedy: string;
  fix: boolean;
}

interface Examination {
  facts: LinkFacts;
  issues: Issue[];
  repairs: Repair[];
}

interface Repaired {
  code: DoctorCode;
  message: string;
}

export async function doctor(context: Context, options: DoctorOptions): Promise<number> {
  const [first, agent] = await Promise.all([examine(context), findAgentWayHere(context.env)]);
  const repaired = options.fix ? await repairAll(context, first.repairs) : [];
  const { facts, issues } = repaired.length > 0 ? await examine(context) : first;
  const errors = issues.filter((issue) => issue.severity === 'error').length;
  const warnings = issues.length - errors;
  const ok = errors === 0 && !(options.strict && warnings > 0);
  const document = {
    ...{ ok, errors, warnings, issues, status: buildLinkStatus(facts), agent },
    ...(options.fix ? { repaired } : {}),
  };
  printResult(context, document, {
    lines: [
      ['ok', ok],
      ['errors', errors],
      ['warnings', warnings],
      ...issues.map(
        ({ severity, code, message }): Line => [
          'issue',
          `severity=${severity},code=${code},message=${message}`,
        ],
      ),
      ...repaired.map(({ code, message }): Line => ['repaired', `code=${code},message=${message}`]),
      ...(agent === null ? [] : agentLines(agent)),
    ],
    page: () => doctorPage({ ok, issues, repaired, agent }),
  });
  return ok ? 0 : EXIT_NEGATIVE;
}

/** Finds all problems of the repository of the command. */
export async function examine(context: Context): Promise<Examination> {
  const source = { env: context.env, now: context.now() };
  const facts = await gatherHere(context);
  const [lost, unlisted, oldRoot, signedOut, jobs] = await Promise.all([
    findLostLink(context, facts.repository.root),
    listIssues(facts, source),
    findOldRoot(facts, source),
    signInIssues(facts, context.env),
    findWaitingJobs(context, facts),
  ]);
  const blocked = findBlockedPaths(facts, source);
  const findings = [
    ...findIssues(facts, lost),
    ...unlisted,
    ...goneSessionIssues(facts, context.env),
    ...waitingJobIssues(facts, jobs),
    ...desktopIssues(facts, source),
    ...rightsIssues(blocked),
    ...signedOut,
  ];
  const codes = new Set(findings.map(({ code }) => code));
  const repairs = findRepairs(codes, { ...source, facts, oldRoot, blocked });
  const isRepaired = ({ code, path }: Finding) =>
    repairs.some((repair) => repair.code === code && (repair.path ?? path) === path);
  return {
    facts,
    repairs,
    issues: findings.map((finding) => ({
      ...finding,
      fixable: false,
      remedy: REMEDIES[finding.code],
      fix: isRepaired(finding),
    })),
  };
}

/** Makes all repairs. If one fails, the others are still made, and its problem stays in the list. */
async function repairAll(context: Context, repairs: readonly Repair[]): Promise<Repaired[]> {
  const repaired: Repaired[] = [];
  for (const { code, run } of repairs) {
    try {
      repaired.push({ code, message: await run() });
    } catch (error) {
      context.warn(`Could not repair ${code}: ${messageOf(error)}`, REMEDIES[code]);
    }
  }
  return repaired;
}

/** Finds queued jobs that name an archived session. Asks the server only if a session is archived. */
async function findWaitingJobs(context: Context, { link, shelf, account }: LinkFacts): Promise<WaitingJob[]> {
  const isNeeded = shelf.sessions.some(({ record }) => record.archived);
  if (!isNeeded || link === undefined || account.token === '') return [];
  try {
    return await (await import('../hosted/live-jobs.ts')).findQueuedJobs(context);
  } catch {
    return [];
  }
}

/**
 * Finds a lost link. If `.git` is missing or new, its link is gone, and only the list of linked repositories has the
 * repository.
 */
async function findLostLink({ env, now }: Context, root: string): Promise<string | undefined> {
  const { readLinkedRoots } = await import('../records/linked-roots.ts');
  if (!readLinkedRoots(env).includes(root)) return undefined;
  const [candidate] = await inspectRoots({ roots: [root], env, now: now() });
  return candidate && unlinkedRepository(candidate);
}

interface Shown {
  ok: boolean;
  issues: readonly Issue[];
  repaired: readonly Repaired[];
  agent: AgentWay | null;
}

/** Returns the problems with their remedies, or one line if there are no problems. */
function doctorPage({ ok, issues, repaired, agent }: Shown): Rich {
  return [
    repaired.map(({ message }) => said('done', message)),
    issues.length === 0
      ? said('done', 'No problems with the links of this repository.')
      : [
          said(ok ? 'done' : 'failed', `${count(issues, 'error')}, ${count(issues, 'warning')}.`),
          '\n',
          issues.map(({ severity, message, code, remedy }) => [
            said(severity === 'error' ? 'failed' : 'warning', `${message} (${code})`),
            // Some messages already contain the command.
            message.includes(' Run `') ? '' : said('next', remedy, 2),
          ]),
        ],
    agent === null ? '' : said('note', `Agent: ${describeAgentWay(agent)}.`),
  ];
}

function count(issues: readonly Issue[], severity: Issue['severity']): string {
  const many = issues.filter((issue) => issue.severity === severity).length;
  return `${many} ${many === 1 ? severity : `${severity}s`}`;
}
