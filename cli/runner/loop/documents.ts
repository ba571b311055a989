/** The output of `runner work` for each outcome: JSON documents, and lines for people. */

import { type JobEnd, jobEndLine } from '../../output/job-words.ts';
import { said } from '../../output/page.ts';
import type { Line } from '../../output/print.ts';
import type { Rich } from '../../output/text-output.ts';
import type { JsonBody } from '../job/hosted-api.ts';
import type { JobReport } from '../job/job-report.ts';
import { showPlacement } from '../job/placement-view.ts';
import type { BeatRecord } from '../job/work-context.ts';
import type { PlacedClaim, Placement } from '../job/workplace.ts';

/** The printable outcome of one cycle of the runner. */
export interface CycleOutcome {
  ok: boolean;
  document: Record<string, unknown>;
  lines: Line[];
  /** The page for a terminal of this width. */
  page(columns: number): Rich;
}

/** The last heartbeat before the poll, for documents. */
export interface IdleBeat extends Partial<BeatRecord> {
  ok: true;
  heartbeat_at_utc: string;
  job_id: '';
  lease_id: '';
  response: JsonBody;
}

/** The facts at the end of every document. */
export interface CycleFacts {
  beat: IdleBeat;
  candidateRoots: readonly string[];
  /** The root of `--repo-root`. Paths inside it are shown relative to it. */
  root: string;
}

export function idleOutcome({ beat, candidateRoots }: CycleFacts): CycleOutcome {
  return {
    ok: true,
    document: {
      ok: true,
      claimed: false,
      job: null,
      heartbeat: beat,
      candidate_project_roots: candidateRoots,
    },
    lines: [
      ['job.claimed', false],
      ['job.status', 'idle'],
    ],
    page: () => said('idle', 'No job is waiting for this machine.'),
  };
}

export function dryRunOutcome(facts: CycleFacts, { claim, placement }: PlacedClaim): CycleOutcome {
  const { raw } = claim;
  const ok = placement.kind !== 'no_repository';
  const shown = showPlacement(placement, facts.root);
  return {
    ok,
    document: {
      ok,
      claimed: true,
      dry_run: true,
      job: raw,
      selected_repo_root: shown.selectedRepoRoot,
      selected_session: shown.selectedSession,
      selection: shown.selection,
      repo_selection: placement.repoSelection,
      error: placement.kind === 'placed' ? '' : placement.error,
      heartbeat: facts.beat,
      candidate_project_roots: facts.candidateRoots,
    },
    lines: [...jobLines(raw), ['job.mode', 'dry-run']],
    page: () => dryRunPage(raw, placement),
  };
}

export function jobOutcome(facts: CycleFacts, report: JobReport): CycleOutcome {
  const { ok, heartbeatError, worker, error } = report;
  return {
    ok,
    document: {
      ok,
      claimed: true,
      job: report.job,
      lease: report.lease,
      selected_repo_root: report.selectedRepoRoot,
      selected_session: report.selectedSession,
      selection: report.selection,
      repo_selection: report.repoSelection,
      start_response: report.startResponse,
      ...(report.messageResponse === undefined ? {} : { message_response: report.messageResponse }),
      ...(heartbeatError === undefined ? {} : { heartbeat_error: heartbeatError }),
      ...(worker === undefined ? {} : { logs_response: report.logsResponse ?? null, worker }),
      ...(ok ? { sync_result: report.syncResult ?? null, sync_error: report.syncError ?? '' } : {}),
      complete_response: report.completeResponse,
      ...(error === undefined ? {} : { error }),
      heartbeat: facts.beat,
      runtime: report.runtime,
      runtime_path: report.runtimePath,
      candidate_project_roots: facts.candidateRoots,
    },
    lines: [...jobLines(report.job), ...executedLines(report)],
    page: (columns) => [
      jobEndLine(endOf(report), columns),
      report.heartbeatError ? said('warning', `The last heartbeat failed: ${report.heartbeatError}`) : '',
      report.syncError ? said('warning', `The sync after the job failed: ${report.syncError}`) : '',
    ],
  };
}

function endOf({ job, outcome, tookMs, endedAt, selectedSession, worker, error }: JobReport): JobEnd {
  return {
    id: String(job.id ?? ''),
    at: endedAt,
    session: selectedSession?.label ?? '',
    outcome,
    tookMs,
    text: error ?? worker?.summary ?? '',
  };
}

function dryRunPage(raw: JsonBody, placement: Placement): Rich {
  const job = `Job ${raw.id ?? ''} (${raw.kind ?? ''})`;
  if (placement.kind !== 'placed') return said('failed', `${job} could not run here: ${placement.error}`);
  return said(
    'note',
    `${job} would run in ${placement.session.label}, ${placement.workplace.root}. Nothing was claimed.`,
  );
}

function jobLines(raw: JsonBody): Line[] {
  return [
    ['job.claimed', true],
    ['job.id', String(raw.id ?? '')],
    ['job.kind', String(raw.kind ?? '')],
  ];
}

function executedLines(report: JobReport): Line[] {
  const root: Line[] = report.selectedRepoRoot === '' ? [] : [['repo.root', report.selectedRepoRoot]];
  const trouble: Line[] = [];
  if (report.error) trouble.push(['error', report.error]);
  if (report.heartbeatError) trouble.push(['heartbeat_error', report.heartbeatError]);
  return [
    ...root,
    ['lease.id', report.lease.lease_id],
    ['session.id', report.selectedSession?.orp_session_id],
    ['session.codex_session_id', report.selectedSession?.codex_session_id],
    // True only if the job succeeded. A failure that the server has accepted is still a failure.
    ['response.ok', report.ok],
    ['runtime.path', report.runtimePath],
    ...trouble,
  ];
}
