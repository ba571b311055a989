/** `orp runner status` on a terminal: what matters first, one line a thing, and at the end what to do next. */

import type { Presence } from '../client/presence.ts';
import type { RunnerStatus } from '../link/runner-status.ts';
import { parseTimestamp } from '../link/timestamps.ts';
import { oneLine } from '../output/print.ts';

/** The whole page. */
export function formatStatus(status: RunnerStatus, presence: Presence | undefined, now: number): string {
  const rows: [string, string][] = [
    [
      'Machine',
      `${status.machine.machine_name}, ${status.machine.runner_enabled ? 'enabled' : 'not enabled'}`,
    ],
    ['Account', accountOf(status)],
    ['Repository', repositoryOf(status)],
    ['Service', serviceOf(status)],
    ['Channel', channelOf(status, now)],
    ...(presence === undefined ? [] : [['Hosted', hostedOf(presence, now)] satisfies [string, string]]),
    ['Job', jobOf(status, now)],
    ['Spool', spoolOf(status, now)],
    ...(status.kept.jobs === 0 ? [] : [['Kept', keptOf(status)] satisfies [string, string]]),
    ['Policy', policyOf(status)],
    ['Last error', errorOf(status, now)],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const advice = [
    ...status.warnings.map((text) => `  ! ${oneLine(text)}`),
    ...status.notes.map((text) => `  · ${oneLine(text)}`),
  ];
  const next = status.next_actions.map((command) => `  → ${oneLine(command)}`);
  return [
    headline(status, now),
    '',
    ...rows.map(([name, text]) => `  ${name.padEnd(width)}  ${oneLine(text)}`),
    ...(advice.length > 0 ? ['', ...advice] : []),
    ...(next.length > 0 ? ['', 'Next:', ...next] : []),
    '',
  ].join('\n');
}

function headline({ runner, work_ready: isReady }: RunnerStatus, now: number): string {
  if (runner.running) {
    const how = { service: 'as a service', once: 'for one job', terminal: 'at a terminal' }[
      runner.started_by ?? ''
    ];
    const state = runner.paused === undefined ? 'works' : 'has paused';
    const verb = runner.draining_at_utc === undefined ? state : 'finishes and leaves';
    return `● A runner ${verb} ${how ?? ''}: pid ${runner.pid}, version ${runner.version}, for ${since(runner.started_at_utc, now)}.`;
  }
  return isReady ? '○ Ready to work; no runner is at work.' : '○ Not ready to work.';
}

function accountOf({ hosted_auth: account }: RunnerStatus): string {
  return account.connected ? `${account.email} at ${account.base_url}` : 'not signed in';
}

function repositoryOf(status: RunnerStatus): string {
  const { repo_root: root } = status.link_status;
  if (!status.repo_has_git) return `${root} is no git repository`;
  if (!status.project_link_exists) return `${root}, not linked`;
  const { routeable, total } = status.session_counts;
  return `${root}, linked; ${routeable} of ${total} ${total === 1 ? 'session' : 'sessions'} can take work`;
}

function serviceOf({ service }: RunnerStatus): string {
  if (!service.installed) return 'not installed';
  if (service.loaded === null) return 'installed; its state is not known';
  if (service.running) return 'installed, running';
  return service.loaded ? 'installed, not running' : 'installed, not loaded';
}

function channelOf({ channel, runner }: RunnerStatus, now: number): string {
  if (!runner.running) return 'not listening';
  if (channel.listening) return `listening over ${channel.transport} for ${since(channel.since_utc, now)}`;
  return channel.transport === 'poll' ? 'polling' : 'not connected';
}

/** What the service knows, which may differ from what is so. */
function hostedOf(presence: Presence, now: number): string {
  if (!presence.known) return presence.message;
  const channel = presence.listening ? `listens over ${presence.transport}` : 'does not listen';
  const order = presence.draining ? ', told to claim nothing' : '';
  return `${channel}${order}, last heard ${ago(presence.last_seen_at_utc, now)}`;
}

function jobOf({ repo_runtime: runtime, active_lease: lease }: RunnerStatus, now: number): string {
  const { active_job: active, last_job: last } = runtime;
  if (lease.has_active_job) {
    const beat = `last sign of life ${lease.age_seconds} s ago`;
    return `${active.job_id ?? ''} ${runtime.status} in ${active.orp_session_id ?? 'no session yet'}; ${beat}`;
  }
  if (last.job_id === undefined) return 'none yet in this repository';
  return `none; the last one, ${last.job_id}, ${last.status ?? 'ended'} ${ago(last.finished_at_utc, now)}`;
}

function spoolOf({ spool }: RunnerStatus, now: number): string {
  if (spool.leases === 0) return 'empty';
  const size = spool.bytes < 1024 ? `${spool.bytes} B` : `${Math.ceil(spool.bytes / 1024)} KiB`;
  return `${spool.leases} ${spool.leases === 1 ? 'job' : 'jobs'}, ${size}, the oldest from ${ago(spool.oldest_at_utc ?? undefined, now)}`;
}

function keptOf({ kept }: RunnerStatus): string {
  return `${kept.jobs} ${kept.jobs === 1 ? 'job' : 'jobs'} in ${kept.path}`;
}

function policyOf({ policy }: RunnerStatus): string {
  if (!policy.exists) return 'none: everything of your own may run';
  return policy.valid ? policy.rules.join(', ') || 'no rule' : 'broken: nothing may run';
}

function errorOf({ last_error: error }: RunnerStatus, now: number): string {
  return error === null ? 'none' : `${ago(error.at_utc, now)}: ${error.message}`;
}

function ago(at: string | undefined, now: number): string {
  const text = since(at, now);
  return text === 'an unknown time' ? text : `${text} ago`;
}

/** `5 s`, `12 min`, `3 h 5 min`, `4 d`. */
function since(at: string | undefined, now: number): string {
  const from = at === undefined ? undefined : parseTimestamp(at);
  if (from === undefined) return 'an unknown time';
  const seconds = Math.max(0, Math.round((now - from) / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d`;
}
