/** `orp status`: shows everything at one glance. `orp` without arguments shows the same to a signed-in user. */

import type { Command } from 'commander';
import { isTerminal } from '../../spec/job/status.ts';
import type { CommonOptions, Context } from '../output/context.ts';
import { facts, forPerson, said, table } from '../output/page.ts';
import { type Line, printResult } from '../output/print.ts';
import type { Rich } from '../output/text-output.ts';
import type { RunnerStatus } from '../status/runner-status.ts';
import { jobRows } from './job-pages.ts';
import type { JobView } from './job-types.ts';
import { gatherStatus } from './runner-status.ts';
import { type Shell, withJson } from './shell.ts';

/** The number of jobs that fit on a screen. `orp job list` shows the others. */
const SHOWN_JOBS = 10;

export function registerStatus(command: Command, shell: Shell): void {
  withJson(command).action((options: CommonOptions) => shell.run(options, glance));
}

interface Glance {
  ok: true;
  account: { connected: boolean; email: string; base_url: string };
  repository: {
    root: string;
    linked: boolean;
    idea_id: string;
    idea_title: string;
    sessions: number;
    routeable_sessions: number;
    primary: string;
  };
  runner: { machine: string; enabled: boolean; running: boolean; work_ready: boolean; paused: string };
  /** The newest live jobs. Empty if the server was not asked or did not answer. */
  jobs: JobView[];
  jobs_error: string;
  /** The tasks that only a person can do. */
  needs_you: string[];
  next_actions: string[];
}

async function glance(context: Context): Promise<void> {
  const status = await gatherStatus(context);
  const { jobs, error } = await findJobs(context, status);
  const document = describe(status, jobs, error);
  printResult(context, document, {
    lines: linesOf(document),
    page: (columns) => pageOf(document, context.now(), columns),
  });
}

async function findJobs(
  context: Context,
  { hosted_auth: account }: RunnerStatus,
): Promise<{ jobs: JobView[]; error: string }> {
  if (!account.connected) return { jobs: [], error: '' };
  try {
    const { findLiveJobs } = await import('../hosted/live-jobs.ts');
    return { jobs: await findLiveJobs(context, SHOWN_JOBS), error: '' };
  } catch (error) {
    return { jobs: [], error: error instanceof Error ? error.message : String(error) };
  }
}

function describe(status: RunnerStatus, jobs: JobView[], jobsError: string): Glance {
  const { hosted_auth: account, link_status: link, machine, runner, session_counts: counts } = status;
  const text = (record: object, key: string): string => String(Reflect.get(record, key) ?? '');
  const lost = jobs.filter((job) => job.status === 'lost');
  return {
    ok: true,
    account: { connected: account.connected, email: account.email, base_url: account.base_url },
    repository: {
      root: link.repo_root,
      linked: link.project_link_exists,
      idea_id: text(link.project_link, 'idea_id'),
      idea_title: text(link.project_link, 'idea_title'),
      sessions: counts.total,
      routeable_sessions: counts.routeable,
      primary: text(link.primary_session, 'orp_session_id'),
    },
    runner: {
      machine: machine.machine_name,
      enabled: machine.runner_enabled,
      running: runner.running,
      work_ready: status.work_ready,
      paused: runner.paused?.message ?? '',
    },
    jobs,
    jobs_error: jobsError,
    needs_you: [
      ...lost.map(({ id }) => `Job ${id} lost its machine while it ran. Retry it, or cancel it.`),
      ...jobs.flatMap(({ id, waiting }) =>
        waiting?.code === 'asking_at_machine' ? [`Job ${id}: ${waiting.message}`] : [],
      ),
      ...status.warnings,
    ],
    next_actions: [...lost.map(({ id }) => `orp job retry ${id}`), ...status.next_actions],
  };
}

function linesOf(glance: Glance): Line[] {
  const { account, repository, runner, jobs } = glance;
  return [
    ['account.connected', account.connected],
    ['account.email', account.email],
    ['account.base_url', account.base_url],
    ['repository.root', repository.root],
    ['repository.linked', repository.linked],
    ['repository.idea_id', repository.idea_id],
    ['repository.sessions', repository.sessions],
    ['repository.routeable_sessions', repository.routeable_sessions],
    ['repository.primary', repository.primary],
    ['runner.machine', runner.machine],
    ['runner.enabled', runner.enabled],
    ['runner.running', runner.running],
    ['runner.work_ready', runner.work_ready],
    ['runner.paused', runner.paused],
    ['jobs.running', jobs.filter(({ status }) => isAtWork(status)).length],
    ['jobs.queued', jobs.filter(({ status }) => status === 'queued').length],
    ['jobs.error', glance.jobs_error],
    ...glance.needs_you.map((sentence): Line => ['needs_you', sentence]),
    ...glance.next_actions.map((command): Line => ['next', command]),
  ];
}

function isAtWork(status: JobView['status']): boolean {
  return status !== 'queued' && status !== 'lost' && !isTerminal(status);
}

function pageOf(glance: Glance, now: number, columns: number): Rich {
  const { account, repository, runner, jobs, jobs_error: error } = glance;
  const working = jobs.filter(({ status }) => isAtWork(status)).length;
  return [
    headline(glance, working),
    '\n',
    facts([
      ['Account', account.connected ? `${account.email} at ${account.base_url}` : 'not signed in'],
      ['Repository', repositoryOf(repository)],
      ['Runner', runnerOf(runner)],
    ]),
    error === '' ? '' : ['\n', said('warning', `The jobs are unknown: ${error}`)],
    jobs.length === 0 ? '' : ['\n', jobTable(jobs, now, columns)],
    glance.needs_you.length === 0
      ? ''
      : ['\n', glance.needs_you.map((sentence) => said('warning', forPeople(sentence)))],
    glance.next_actions.length === 0
      ? ''
      : ['\n', nextFor(glance.next_actions).map((command) => said('next', command))],
  ];
}

/** The steps of `orp setup`. */
const SETUP =
  /^orp (auth (login|verify)|link (project bind|session register)|runner (enable|sync|heartbeat))\b/;

/** v0.4.4 tells people to send a heartbeat. This client tells them to start a runner, which sends the heartbeats. */
function forPeople(sentence: string): string {
  return sentence.replace(
    /^The runner has never sent a heartbeat\.$/,
    'No runner has run on this machine so far.',
  );
}

/** If several steps of the setup are missing, suggest only `orp setup`, which asks for the missing values. */
function nextFor(commands: readonly string[]): string[] {
  const others = commands.filter((command) => !SETUP.test(command));
  if (commands.length - others.length > 1) return ['orp setup', ...others];
  return commands.map((command) => forPerson(command).replace(/^orp runner heartbeat$/, 'orp runner work'));
}

function headline({ account, runner, jobs_error: error, jobs }: Glance, working: number): Rich {
  if (!account.connected) return said('idle', 'You are not signed in.');
  if (error !== '') return said('warning', 'The server does not answer.');
  if (working > 0) return said('busy', `${working} ${working === 1 ? 'job is' : 'jobs are'} running.`);
  if (jobs.length > 0)
    return said('idle', `No job is running; ${jobs.length} ${jobs.length === 1 ? 'waits' : 'wait'}.`);
  return said(runner.running ? 'done' : 'idle', 'No jobs are running or waiting.');
}

function repositoryOf({
  root,
  linked,
  idea_id,
  idea_title,
  sessions,
  routeable_sessions,
}: Glance['repository']): string {
  if (!linked) return `${root}, not linked`;
  if (sessions === 0) return `${root}, linked to ${idea_title || idea_id}; no linked sessions`;
  const noun = sessions === 1 ? 'session' : 'sessions';
  return `${root}, linked to ${idea_title || idea_id}; ${routeable_sessions} of ${sessions} ${noun} can take jobs`;
}

function runnerOf({ machine, enabled, running, paused }: Glance['runner']): string {
  if (paused !== '') return `${machine}, paused: ${paused}`;
  if (running) return `${machine}, running`;
  return `${machine}, ${enabled ? 'enabled, but not running' : 'not enabled'}`;
}

function jobTable(jobs: readonly JobView[], now: number, columns: number): Rich {
  return table(['JOB', 'AGE', 'STATUS', 'WHAT'], jobRows(jobs, now), columns);
}
