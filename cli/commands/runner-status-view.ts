/** The terminal page of `orp runner status`. It has a headline, one line per subject, and the next steps. */

import { roughDuration } from '../base/duration.ts';
import { parseTimestamp } from '../files/timestamps.ts';
import type { Presence } from '../hosted/presence.ts';
import { advicePage, facts, said } from '../output/page.ts';
import type { Rich } from '../output/text-output.ts';
import { describeAgentWay } from '../status/agent-way.ts';
import type { RunnerStatus } from '../status/runner-status.ts';

/** Builds the page. */
export function formatStatus(status: RunnerStatus, presence: Presence | undefined, now: number): Rich {
  const { machine_name: name, runner_enabled: isEnabled } = status.machine;
  return [
    headline(status, presence, now),
    '\n',
    facts([
      ['Machine', `${name}, ${isEnabled ? 'enabled' : 'not enabled'}`],
      ['Account', accountOf(status)],
      ['Repository', repositoryOf(status)],
      ['Service', serviceOf(status)],
      ['Channel', channelOf(status, now)],
      ['Server', presence === undefined ? undefined : hostedOf(presence, now)],
      ['Agent', status.agent === null ? undefined : describeAgentWay(status.agent)],
      ['Job', jobOf(status, now)],
      ['Spool', spoolOf(status, now)],
      ['Kept', status.kept.jobs === 0 ? undefined : keptOf(status)],
      ['Policy', policyOf(status)],
      ['Last error', errorOf(status, now)],
    ]),
    advicePage(status),
  ];
}

function headline(status: RunnerStatus, presence: Presence | undefined, now: number): Rich {
  const { runner, work_ready: isReady } = status;
  const isDrained = isDrainedAt(status, presence);
  if (runner.running) {
    const how = { service: 'as a service', once: 'for one job', terminal: 'at a terminal' }[
      runner.started_by ?? ''
    ];
    const state = runner.paused === undefined ? 'is working' : 'is paused';
    const verb = runner.draining_at_utc === undefined ? state : 'is finishing its work';
    const facts = `pid ${runner.pid}, version ${runner.version}, for ${since(runner.started_at_utc, now)}`;
    if (!isDrained) return said('busy', `The runner ${verb} ${how ?? ''}: ${facts}.`);
    return said('warning', `This machine is drained: its runner ${how ?? ''} claims no jobs (${facts}).`);
  }
  if (isDrained) return said('warning', 'This machine is drained: a runner would claim no jobs.');
  if (isReady && status.agent_problem !== null) {
    return said('warning', `Not ready to run jobs: ${status.agent_problem.message}`);
  }
  return said('idle', isReady ? 'Ready, but no runner is running.' : 'Not ready to run jobs.');
}

/** Returns whether the machine is drained. The server's state is preferred, because the runner's state may be old. */
function isDrainedAt({ runner }: RunnerStatus, presence: Presence | undefined): boolean {
  return presence?.known === true ? presence.draining : runner.drained_at_utc !== undefined;
}

function accountOf({ hosted_auth: account }: RunnerStatus): string {
  return account.connected ? `${account.email} at ${account.base_url}` : 'not signed in';
}

function repositoryOf(status: RunnerStatus): string {
  const { repo_root: root } = status.link_status;
  if (!status.repo_has_git) return `${root}, not a git repository`;
  if (!status.project_link_exists) return `${root}, not linked`;
  const { routeable, total } = status.session_counts;
  return `${root}, linked; ${routeable} of ${total} ${total === 1 ? 'session' : 'sessions'} can take jobs`;
}

function serviceOf({ service }: RunnerStatus): string {
  if (!service.installed) return 'not installed';
  if (service.loaded === null) return 'installed, state unknown';
  if (service.running) return 'installed, running';
  return service.loaded ? 'installed, not running' : 'installed, not loaded';
}

function channelOf({ channel, runner }: RunnerStatus, now: number): string {
  if (!runner.running) return 'not listening';
  if (channel.listening) return `listening over ${channel.transport} for ${since(channel.since_utc, now)}`;
  return channel.transport === 'poll' ? 'polling' : 'not connected';
}

/** Describes the server's view of the machine. It may be out of date. */
function hostedOf(presence: Presence, now: number): string {
  if (!presence.known) return presence.message;
  const channel = presence.listening ? `listening over ${presence.transport}` : 'not listening';
  const order = presence.draining ? ', drained' : '';
  return `${channel}${order}, last heard ${ago(presence.last_seen_at_utc, now)}`;
}

function jobOf({ repo_runtime: runtime, active_lease: lease }: RunnerStatus, now: number): string {
  const { active_job: active, last_job: last } = runtime;
  if (lease.has_active_job) {
    const beat = `last heartbeat ${lease.age_seconds} s ago`;
    return `${active.job_id ?? ''} ${runtime.status} in ${active.orp_session_id ?? 'no session yet'}; ${beat}`;
  }
  if (last.job_id === undefined) return 'none in this repository yet';
  return `none; last job ${last.job_id} ${last.status ?? 'ended'} ${ago(last.finished_at_utc, now)}`;
}

function spoolOf({ spool }: RunnerStatus, now: number): string {
  if (spool.leases === 0) return 'empty';
  const size = spool.bytes < 1024 ? `${spool.bytes} B` : `${Math.ceil(spool.bytes / 1024)} KiB`;
  return `${spool.leases} ${spool.leases === 1 ? 'job' : 'jobs'}, ${size}, oldest ${ago(spool.oldest_at_utc ?? undefined, now)}`;
}

function keptOf({ kept }: RunnerStatus): string {
  return `${kept.jobs} ${kept.jobs === 1 ? 'job' : 'jobs'} in ${kept.path}`;
}

function policyOf({ policy }: RunnerStatus): string {
  if (!policy.exists) return 'none: all jobs from your own account may run';
  return policy.valid ? policy.rules.join(', ') || 'no rules' : 'invalid: no jobs may run';
}

function errorOf({ last_error: error }: RunnerStatus, now: number): string | undefined {
  return error === null ? undefined : `${ago(error.at_utc, now)}: ${error.message}`;
}

function ago(at: string | undefined, now: number): string {
  const text = since(at, now);
  return text === 'an unknown time' ? text : `${text} ago`;
}

function since(at: string | undefined, now: number): string {
  const from = at === undefined ? undefined : parseTimestamp(at);
  return from === undefined ? 'an unknown time' : roughDuration(now - from);
}
