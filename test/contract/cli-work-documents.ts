/** `orp runner work --once` and `orp agent work --once`, which run an agent: what they print in each outcome. */

import { type DocumentRow, row } from './cli-documents.ts';

const EXECUTED =
  'claimed:true job:obj lease:jobLease repo_selection:repoSelection complete_response:obj start_response:obj heartbeat:beat runtime:runtime runtime_path:str candidate_project_roots:list';
const PLACED = `${EXECUTED} selected_repo_root:str selected_session:session selection:selection message_response:obj heartbeat_error:str`;
const JOB_LINES = 'job.claimed job.id job.kind';
const EXECUTED_LINES = `${JOB_LINES} repo.root lease.id session.id session.codex_session_id response.ok runtime.path`;
export const WORK_DOCUMENTS: readonly DocumentRow[] = [
  row('idle', [
    'runner work --once',
    'no job',
    'ok:true claimed:false job:null heartbeat:beat candidate_project_roots:list',
    'job.claimed job.status',
  ]),
  row('dry run', [
    'runner work --dry-run',
    'a job',
    "ok:true claimed:true dry_run:true job:obj selected_repo_root:str selected_session:session selection:selection repo_selection:repoSelection error:'' heartbeat:beat candidate_project_roots:list",
    `${JOB_LINES} job.mode`,
  ]),
  row('success', [
    'runner work --once',
    'a job',
    `ok:true ${PLACED} logs_response:obj worker:worker sync_result:sync sync_error:''`,
    EXECUTED_LINES,
  ]),
  row('success, the sync fails', [
    'runner work --once',
    'a job, no sync',
    `ok:true ${PLACED} logs_response:obj worker:worker sync_result:null sync_error:str`,
    EXECUTED_LINES,
  ]),
  failed('the agent fails', 'a failing job', `ok:false ${PLACED} logs_response:obj worker:worker error:str`),
  failed(
    'the kind is not known',
    'a strange job',
    `ok:false ${EXECUTED} selected_session:session message_response:obj error:str`,
  ),
  failed('the agent cannot be started', 'a job, no agent', `ok:false ${PLACED} error:str`),
  failed(
    'the prompt is blank',
    'a blank job',
    `ok:false ${EXECUTED} selected_session:session message_response:obj error:str`,
  ),
  {
    ...row('dry run, no repository matches', [
      'runner work --dry-run',
      'a foreign job',
      "ok:false claimed:true dry_run:true job:obj selected_repo_root:'' selected_session:null selection:null repo_selection:repoSelection error:str heartbeat:beat candidate_project_roots:list",
      `${JOB_LINES} job.mode`,
    ]),
    exit: 1,
  },
  {
    ...failed(
      'no repository matches',
      'a foreign job',
      `ok:false ${EXECUTED} selected_repo_root:'' selected_session:null selection:null error:str`,
    ),
    lines: `${JOB_LINES} lease.id session.id session.codex_session_id response.ok runtime.path error`,
  },
  row('compatibility, idle', [
    'agent work --once',
    'no job',
    'ok:true claimed:false job:null heartbeat:beat candidate_project_roots:list compatibility:obj',
    'job.claimed job.status',
  ]),
  row('compatibility, success', [
    'agent work --once',
    'a job',
    `ok:true ${PLACED} worker:worker sync_result:sync sync_error:'' compatibility:obj`,
    'job.claimed job.kind checkpoint.id job.mode',
  ]),
];

/** `orp agent work`, when it speaks the v0.4.4 protocol of reviews. */
export const REVIEW_DOCUMENTS: readonly DocumentRow[] = [
  row('a selector, idle', [
    'agent work --once --agent survey',
    'no review',
    'ok:true claimed:false job:null compatibility:compatibility',
    'job.claimed job.status',
  ]),
  row('a selector, dry run', [
    'agent work --dry-run --agent survey',
    'a review',
    'ok:true claimed:true dry_run:true job:obj compatibility:compatibility',
    'job.claimed job.kind checkpoint.id job.mode',
  ]),
  row('a selector, success', [
    'agent work --once --agent survey',
    'a review',
    'ok:true claimed:true job:obj response:obj worker:reviewWorker compatibility:compatibility',
    'job.claimed job.kind checkpoint.id job.mode response.id response.ok',
  ]),
  {
    ...row('a selector, the agent fails', [
      'agent work --once --agent survey',
      'a failing review',
      'ok:false claimed:true job:obj response:obj worker:reviewWorker compatibility:compatibility error:str',
      'job.claimed job.kind checkpoint.id job.mode response.id response.ok',
    ]),
    exit: 1,
  },
  row('the runner is disabled, idle', [
    'agent work --once',
    'no review, disabled',
    'ok:true claimed:false job:null compatibility:fallback',
    'job.claimed job.status',
  ]),
];

function failed(outcome: string, given: string, keys: string): DocumentRow {
  const rowOfIt = row(outcome, ['runner work --once', given, keys, `${EXECUTED_LINES} error`]);
  return { ...rowOfIt, exit: 1 };
}
