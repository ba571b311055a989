/** `orp doctor`: checks everything that a job needs, on this machine, in this repository and on the server. */

import type { Command } from 'commander';
import { getMe } from '../../spec/contract/auth.ts';
import { EXIT_NEGATIVE, messageOf } from '../base/exit.ts';
import { clientVersion } from '../base/version.ts';
import { send } from '../client/call.ts';
import { signedInClient } from '../client/client.ts';
import { NO_RETRY } from '../client/retry.ts';
import { userOf } from '../hosted/identity.ts';
import type { CommonOptions, Context } from '../output/context.ts';
import { type Mark, said } from '../output/page.ts';
import { type Line, printResult } from '../output/print.ts';
import { readRemoteSession } from '../records/sign-in-record.ts';
import { describeAgentWay } from '../status/agent-way.ts';
import type { RunnerStatus } from '../status/runner-status.ts';
import { examine } from './link-doctor.ts';
import { gatherStatus } from './runner-status.ts';
import { type Shell, withCommonOptions } from './shell.ts';

const TIMEOUT_MS = 5_000;

export function registerDoctor(command: Command, shell: Shell): void {
  withCommonOptions(command).action((options: CommonOptions) => shell.run(options, doctor));
}

export interface Check {
  check: string;
  status: 'ok' | 'warning' | 'error';
  message: string;
  /** What to do. Empty if there is no problem. */
  remedy: string;
}

async function doctor(context: Context): Promise<number> {
  const checks = await runChecks(context);
  const ok = checks.every(({ status }) => status !== 'error');
  printResult(
    context,
    { ok, checks },
    {
      lines: [
        ['ok', ok],
        ...checks.map(
          ({ check, status, message, remedy }): Line => [
            `check.${check}`,
            [status, message, remedy].filter((part) => part !== '').join(' '),
          ],
        ),
      ],
      page: () =>
        checks.map(({ status, message, remedy }) => [
          said(MARKS[status], message),
          remedy === '' ? '' : said('next', remedy, 2),
        ]),
    },
  );
  return ok ? 0 : EXIT_NEGATIVE;
}

const MARKS: Record<Check['status'], Mark> = { ok: 'done', warning: 'warning', error: 'failed' };

export async function runChecks(context: Context): Promise<Check[]> {
  const [server, status, { issues }] = await Promise.all([
    checkServer(context),
    gatherStatus(context),
    examine(context),
  ]);
  // The check of the agent already reports this problem.
  const ofLinks =
    status.agent_problem === null ? issues : issues.filter(({ code }) => !AGENT_CODES.test(code));
  const links = ofLinks.map(
    ({ severity, message, remedy }): Check => ({ check: 'links', status: severity, message, remedy }),
  );
  return [
    good('orp', `orp ${clientVersion(context.env)} on Node ${process.versions.node}, ${process.platform}.`),
    server,
    checkAgent(status),
    ...checkRunner(status),
    checkPolicy(status),
    ...(links.length > 0 ? links : [checkLink(status)]),
  ];
}

const AGENT_CODES = /^agent_(missing|too_old)$/;

function checkLink({ project_link_exists: isLinked }: RunnerStatus): Check {
  if (isLinked) return good('links', 'The links of this repository are in order.');
  return {
    check: 'links',
    status: 'warning',
    message: 'This repository is not linked, so it gets no jobs.',
    remedy: 'Run `orp setup`.',
  };
}

function good(check: string, message: string): Check {
  return { check, status: 'ok', message, remedy: '' };
}

async function checkServer(context: Context): Promise<Check> {
  const { token, base_url: baseUrl } = readRemoteSession(context.env);
  if (token === '') {
    return {
      check: 'server',
      status: 'error',
      message: 'You are not signed in.',
      remedy: 'Run `orp auth login`.',
    };
  }
  try {
    const client = { ...(await signedInClient(context)), timeoutMs: TIMEOUT_MS, retry: NO_RETRY };
    const email = userOf(await send(client, getMe, {}))?.email;
    return good('server', `The server at ${client.baseUrl} answers; you are ${email ?? 'signed in'}.`);
  } catch (error) {
    const message = `The server at ${baseUrl} does not accept a request: ${messageOf(error)}`;
    return { check: 'server', status: 'error', message, remedy: 'Run `orp whoami` for details.' };
  }
}

function checkAgent({ agent, agent_problem: problem }: RunnerStatus): Check {
  if (problem !== null) {
    return {
      check: 'agent',
      status: 'error',
      message: problem.message,
      remedy: 'Run `npm install -g @openai/codex`, or set CODEX_BIN.',
    };
  }
  if (agent !== null) return good('agent', `${describeAgentWay(agent)}.`);
  return {
    check: 'agent',
    status: 'warning',
    message: 'Codex was not found.',
    remedy: 'Install it, or set its path with CODEX_BIN. A machine that runs no jobs does not need it.',
  };
}

function checkRunner({ machine, runner, service, kept, last_error: last }: RunnerStatus): Check[] {
  const warn = (message: string, remedy: string): Check => ({
    check: 'runner',
    status: 'warning',
    message,
    remedy,
  });
  const checks: Check[] = [];
  if (!machine.runner_enabled) checks.push(warn('The runner is not enabled.', 'Run `orp runner enable`.'));
  else if (!runner.running) {
    checks.push(warn('No runner is running.', 'Run `orp runner work`, or `orp runner install` once.'));
  }
  if (runner.paused !== undefined) checks.push(warn(runner.paused.message, 'It claims again by itself.'));
  if (service.error !== undefined)
    checks.push(warn(service.error, service.hint ?? 'Run `orp runner restart`.'));
  if (kept.jobs > 0) {
    checks.push(
      warn(
        `${kept.jobs} results were not accepted and are in ${kept.path}.`,
        'Look at them, then delete them.',
      ),
    );
  }
  if (last !== null) checks.push(warn(`Last error of the runner: ${last.message}`, 'Run `orp runner logs`.'));
  return checks.length > 0 ? checks : [good('runner', 'The runner is running.')];
}

function checkPolicy({ policy }: RunnerStatus): Check {
  if (policy.valid)
    return good('policy', policy.exists ? 'The policy is valid.' : 'No policy: your own jobs may run.');
  const message = 'The policy is invalid, so no jobs may run.';
  return { check: 'policy', status: 'error', message, remedy: 'Run `orp runner policy check`.' };
}
