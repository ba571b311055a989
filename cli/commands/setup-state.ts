/** The steps of `orp setup`: what each of them needs, and whether it is done. */

import { listJobs } from '../../spec/contract/jobs.ts';
import { call } from '../client/call.ts';
import { signedInClient } from '../client/client.ts';
import { NO_RETRY } from '../client/retry.ts';
import { isLinkable } from '../git/repository.ts';
import { COMMANDS } from '../output/advice.ts';
import type { Context } from '../output/context.ts';
import type { RunnerStatus } from '../status/runner-status.ts';
import { gatherStatus } from './runner-status.ts';

/**
 * The maximum number of questions that `orp setup` asks a person who has never used `orp`, if the server lets people approve sign-ins on
 * a page.
 */
export const MAX_SETUP_QUESTIONS = 5;

export const STEPS = ['sign_in', 'link', 'session', 'enable', 'sync', 'service', 'hello'] as const;
export type StepName = (typeof STEPS)[number];

export interface Step {
  step: StepName;
  done: boolean;
  /** True if everything else works without this step. */
  optional: boolean;
  /** A sentence about the state. */
  message: string;
  /** The command that does only this step. Empty if it is done. */
  command: string;
}

export interface SetupState {
  steps: Record<StepName, Step>;
  status: RunnerStatus;
}

export async function gatherSetup(context: Context): Promise<SetupState> {
  const status = await gatherStatus(context);
  const { machine, service, hosted_auth: account, link_status: link } = status;
  const text = (record: object, key: string): string => String(Reflect.get(record, key) ?? '');
  const isGit = isLinkable(await context.repository());
  const idea = text(link.project_link, 'idea_title') || text(link.project_link, 'idea_id');
  const session = text(link.routeable_sessions[0] ?? {}, 'label');
  const linkedAt = text(link.project_link, 'linked_at_utc');
  const syncedAt = machine.last_sync_at_utc ?? '';
  const isSynced = status.project_link_exists && syncedAt !== '' && syncedAt >= linkedAt;
  const hasAnswer = await hasAnsweredPrompt(context, status);
  const step = (
    name: StepName,
    done: boolean,
    words: { yes: string; no: string; command: string },
  ): Step => ({
    step: name,
    done,
    optional: name === 'service',
    message: done ? words.yes : words.no,
    command: done ? '' : words.command,
  });
  return {
    status,
    steps: {
      sign_in: step('sign_in', account.connected, {
        yes: `Signed in as ${account.email || 'the owner of the token'} at ${account.base_url}.`,
        no: 'You are not signed in.',
        command: 'orp auth login',
      }),
      link: step('link', status.project_link_exists, {
        yes: `This repository is linked to ${idea}.`,
        no: isGit ? 'This repository is not linked to an idea.' : 'This folder is not a git repository.',
        command: isGit ? 'orp link project bind' : COMMANDS.init,
      }),
      session: step('session', link.routeable_sessions.length > 0, {
        yes: `Session ${session} takes prompts.`,
        no: 'No session of an agent takes prompts here.',
        command: 'orp link session register',
      }),
      enable: step('enable', machine.runner_enabled, {
        yes: `${machine.machine_name} may run jobs.`,
        no: `${machine.machine_name} may not run jobs.`,
        command: COMMANDS.enable,
      }),
      sync: step('sync', isSynced, {
        yes: 'The server knows this repository and its sessions.',
        no: 'The server does not know this repository and its sessions.',
        command: 'orp runner sync',
      }),
      service: step('service', service.installed, {
        yes: 'The runner is installed as a service.',
        no: 'The runner is not installed as a service.',
        command: 'orp runner install',
      }),
      hello: step('hello', hasAnswer, {
        yes: 'A prompt was answered here.',
        no: 'No prompt was answered here so far.',
        command: 'orp job submit "Hello" --wait',
      }),
    },
  };
}

const TIMEOUT_MS = 5_000;

/** If the server is unreachable, the state of the step is unknown, so the step counts as open. */
async function hasAnsweredPrompt(context: Context, status: RunnerStatus): Promise<boolean> {
  const ideaId = Reflect.get(status.link_status.project_link, 'idea_id');
  if (!status.hosted_auth.connected || typeof ideaId !== 'string') return false;
  try {
    const client = { ...(await signedInClient(context)), timeoutMs: TIMEOUT_MS, retry: NO_RETRY };
    const query = { status: 'completed', ideaId, limit: 1 };
    return (await call(client, listJobs, { query })).jobs.length > 0;
  } catch {
    return false;
  }
}
