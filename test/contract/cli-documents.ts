/**
 * The documents of v0.4.4 as data: what each command prints in each outcome, with `--json` and without. Other programs read
 * these keys, so a key that is listed here never goes away and never changes its type. A document may have further keys.
 *
 * A row of `keys` is `name:type`, separated by spaces. Types: `str`, `bool`, `int`, `null`, `obj`, `list`, the name of a
 * shape, `shape[]`, `a|b`. `true`, `false` and `''` stand for exactly that value; `name?` may be absent.
 * A row of `lines` is the `key`s of the `key=value` lines in their order; `key*` may appear any number of times, and `---`
 * begins the rows of a list.
 */

export interface DocumentRow {
  /** For the name of the test. */
  outcome: string;
  /** The words behind `orp`, without `--json`. */
  command: string;
  /** What the machine and the server are like; a name of `cli-situations.ts`. */
  given: string;
  exit: 0 | 1;
  keys: string;
  lines: string;
}

/** Objects that appear in several documents. */
export const SHAPES: Record<string, string> = {
  machine: 'schema_version:str machine_id:str machine_name:str platform:str runner_enabled:bool',
  counts: 'total:int active:int archived:int routeable:int primary:int',
  session:
    'schema_version:str orp_session_id:str label:str state:str project_root:str created_at_utc:str last_active_at_utc:str archived:bool primary:bool codex_session_id:str path:str',
  link: 'schema_version:str idea_id:str project_root:str linked_at_utc:str',
  auth: 'base_url:str email:str user:obj|null connected:bool pending_verification:obj|null',
  runtime: 'schema_version:str status:str updated_at_utc:str active_job:obj last_job:obj recent_events:list',
  lease: 'has_active_job:bool stale:bool age_seconds:int',
  advice: 'warnings:list notes:list next_actions:list',
  governance:
    'repo_root:str orp_governed:bool mode:str config_path:str config_exists:bool state_path:str state_exists:bool manifest_path:str manifest_exists:bool agent_policy_path:str agent_policy_exists:bool handoff_path:str handoff_exists:bool checkpoint_log_path:str checkpoint_log_exists:bool git_runtime_path:str git:git runtime:govRuntime validation:validation readiness:readiness warnings:list notes:list next_actions:list ready_for_agent_work:bool',
  git: 'present:bool branch:str commit:str has_commits:bool dirty:bool dirty_paths:list default_branch:str protected_branches:list protected_branch:bool allow_protected_branch_work:bool work_branch_required:bool working_branch_safe:bool detected_remote_url:str detected_github_repo:str effective_remote_mode:str effective_remote_url:str effective_github_repo:str remote_name:str upstream_branch:str upstream_remote:str upstream_branch_name:str remote_default_branch:str ahead_count:int|null behind_count:int|null remote_default_ahead_count:int|null remote_default_behind_count:int|null',
  govRuntime:
    'last_branch_action:obj|null last_checkpoint:obj|null last_backup:obj|null last_ready:obj|null latest_run:obj|null',
  validation: 'available:bool run:obj|null checkpoint_after_validation:bool',
  readiness: 'scope:str local_ready:bool remote_ready:bool last_ready:obj|null',
  linkStatus:
    'ok:true repo_root:str project_link_path:str project_link_exists:bool project_link:obj sessions:list session_counts:counts primary_session:obj routeable_sessions:list routing_ready:bool hosted_auth:auth hosted_world:obj hosted_world_error:str governance:governance warnings:list notes:list next_actions:list',
  issue: 'severity:str code:str message:str fixable:false',
  beat: 'ok:true machine:machine machine_path:str repo_runner_path:str repo_runtime_path:str heartbeat_at_utc:str job_id:str lease_id:str response:obj',
  sync: 'ok:true machine:machine machine_path:str repo_runner_path:str sync_payload:payload response:obj synced_at_utc:str linked_projects:int sessions:int routeable_sessions:int included_project_roots:list skipped_project_roots:list',
  skipped: 'project_root:str reason:str',
  payload:
    'machineId:str machineName:str platform:str appVersion:str syncedAt:str linkedProjects:list sessions:list',
  worker: 'ok:bool exitCode:int stdout:str stderr:str body:str summary:str command:str',
  jobLease: 'lease_id:str lease_expires_at_utc:str',
  repoSelection: 'source:str target:target',
  target:
    'job_id:str kind:str checkpoint_id:str idea_id:str world_id:str project_root:str orp_session_id:str codex_session_id:str prompt:str',
  compatibility: 'mode:str legacy_fallback:bool',
  fallback: 'mode:str legacy_fallback:true reason:str',
  reviewWorker: 'ok:bool exitCode:int stdout:str stderr:str body:str summary:str command:str structured:obj',
  foundSession:
    'agent:str id:str cwd:str last_active_at_utc:str branch:str|null first_prompt:str|null open:bool linked:bool',
  review: 'id:str ideaId:str jobId:str triggerType:str status:str createdAt:str',
  job: 'id:str kind:str status:str priority:int attempt:int maxAttempts:int onLeaseLoss:str sessionFallback:str target:obj createdAt:str expiresAt:str updatedAt:str',
  check: 'check:str status:str message:str remedy:str',
  ownIssue: 'severity:str code:str message:str fixable:false remedy:str fix:bool',
  selection: 'source:str targeted:bool repo_selection_source:str selected_repo_root:str matched_fields:list',
};

const SIGNED_IN = 'base_url:str email:str user_id:str connected:true';
const RUNNER_STATUS =
  'ok:true machine:machine machine_path:str repo_has_git:bool repo_runner:obj repo_runner_path:str repo_runtime:runtime repo_runtime_path:str active_lease:lease project_link_exists:bool session_counts:counts sync_ready:bool work_ready:bool hosted_auth:auth warnings:list notes:list next_actions:list';
const RUNNER_STATUS_LINES =
  'runner.enabled runner.sync_ready runner.work_ready machine.id machine.name machine.platform machine.last_heartbeat_at_utc machine.last_sync_at_utc machine.path repo.runner_path repo.runtime_path runtime.status runtime.active_job_id runtime.active_lease_id runtime.last_job_status project_linked sessions.total sessions.routeable';
const LINK_STATUS_LINES =
  'project_linked routing_ready project.idea_id project.world_id project.link_path sessions.total sessions.active sessions.archived sessions.routeable primary.orp_session_id primary.codex_session_id hosted.connected hosted.email hosted.world_id';
const ORDER =
  'ok:true job_id:str lease_id:str repo_root:str target_source:str response:obj runtime:runtime runtime_path:str';
const REGISTER = 'link session register --orp-session-id second --label Second --codex-session-id codex-2';
const SESSION_CHANGE = 'ok:true session_counts:counts';
const LOGIN = 'auth login --email mira@example.test --password pass';

/** One row for each command in each outcome. */
export const DOCUMENTS: readonly DocumentRow[] = [
  row('auth', [LOGIN, 'signed out', SIGNED_IN, 'base_url email user_id connected']),
  row('auth, a code is sent', [
    LOGIN,
    'signed out, code needed',
    'base_url:str email:str expires_at:str pending_verification:true',
    'base_url email expires_at pending_verification',
  ]),
  row('auth', [
    'auth verify --email mira@example.test --code 417220',
    'signed out',
    SIGNED_IN,
    'base_url email user_id connected',
  ]),
  row('auth', ['auth logout', 'linked', 'base_url:str connected:false ok:true', 'base_url connected ok']),
  row('identity', ['whoami', 'linked', `${SIGNED_IN} name:str`, 'base_url user_id email name connected']),
  row('ideas', [
    'ideas list',
    'linked',
    'ideas:list cursor:str has_more:bool sort:str',
    'ideas.count cursor has_more sort --- idea.id idea.title idea.visibility idea.updated_at',
  ]),
  row('ideas', [
    'idea show ide_1',
    'linked',
    'ok:true idea:obj features:list',
    'idea.id idea.title idea.visibility idea.github_url idea.updated_at',
  ]),
  row('ideas', ['idea add --title Gauges', 'linked', 'idea:obj', 'idea.id idea.title idea.visibility']),
  row('ideas', [
    'idea update ide_1 --title Gauges',
    'linked',
    'idea:obj',
    'idea.id idea.title idea.visibility idea.updated_at',
  ]),
  row('ideas', ['idea remove ide_1', 'linked', 'ok:true removedIdeaId:str mode:str', 'idea.id mode ok']),
  row('ideas', ['idea restore ide_1', 'linked', 'idea:obj', 'idea.id idea.title idea.visibility ok']),
  row('feature', [
    'feature list ide_1',
    'linked',
    'idea_id:str idea_title:str features:list',
    'idea.id idea.title features.count --- feature.id feature.title feature.updated_at',
  ]),
  row('feature', [
    'feature show fea_1 --idea-id ide_1',
    'linked',
    'idea_id:str feature:obj',
    'feature.id feature.title feature.updated_at',
  ]),
  row('feature', [
    'feature add --idea-id ide_1 --title Grid',
    'linked',
    'feature:obj',
    'feature.id feature.title idea.id',
  ]),
  row('feature', [
    'feature update fea_1 --idea-id ide_1 --title Grid',
    'linked',
    'feature:obj',
    'feature.id feature.title feature.updated_at',
  ]),
  row('feature', [
    'feature remove fea_1',
    'linked',
    'ok:true removedFeatureId:str ideaId:str',
    'feature.id idea.id ok',
  ]),
  row('world', [
    'world show ide_1',
    'linked',
    'ok:true world:obj',
    'world.id world.name world.project_root world.github_url world.codex_session_id world.status',
  ]),
  row('world', [
    'world bind ide_1 --name survey',
    'linked',
    'ok:true world:obj',
    'world.id world.name world.project_root world.codex_session_id world.status',
  ]),
  row('checkpoint', [
    'checkpoint queue --idea-id ide_1',
    'linked',
    'id:str status:str worldId:str ideaId:str',
    'checkpoint.id checkpoint.status checkpoint.world_id checkpoint.idea_id',
  ]),
  row('project', [
    'link project bind --idea-id ide_1',
    'linked',
    'ok:true project_link:link project_link_path:str world:obj session_counts:counts',
    'idea.id world.id world.name project.link_path sessions.total',
  ]),
  row('project', [
    'link project show',
    'linked',
    'ok:true project_link:link project_link_path:str',
    'idea.id idea.title world.id world.name project.root project.link_path',
  ]),
  row('project, the same as `link status`', [
    'link project status',
    'linked',
    SHAPES.linkStatus ?? '',
    `${LINK_STATUS_LINES} note* warning* next*`,
  ]),
  row('project, sessions remain', [
    'link project unbind',
    'linked',
    'ok:true removed:true removed_project_link:link project_link_path:str session_counts:counts warnings:list next_actions:list',
    'removed project.link_path warning next',
  ]),
  row('project, not linked', [
    'link project unbind',
    'bare',
    'ok:true removed:false removed_project_link:obj project_link_path:str session_counts:counts warnings:list next_actions:list',
    'removed project.link_path',
  ]),
  row('session', [
    REGISTER,
    'linked',
    `ok:true created:true session:session primary_session:session session_path:str session_counts:counts`,
    'session.id session.label session.codex_session_id session.primary session.path',
  ]),
  row('session, known before', [
    REGISTER.replaceAll('second', 'main').replace('codex-2', 'codex-1'),
    'linked',
    `ok:true created:false session:session primary_session:session session_path:str session_counts:counts`,
    'session.id session.label session.codex_session_id session.primary session.path',
  ]),
  row('session', [
    'link session list',
    'linked',
    'ok:true sessions:session[] session_counts:counts',
    'sessions.total --- session.id session.label session.primary session.archived session.codex_session_id session.path',
  ]),
  row('session, none', [
    'link session list',
    'bare',
    'ok:true sessions:list session_counts:counts',
    'sessions.total',
  ]),
  row('session', [
    'link session show main',
    'linked',
    'ok:true session:session',
    'session.id session.label session.state session.primary session.archived session.codex_session_id session.path',
  ]),
  row('session', [
    'link session set-primary main',
    'linked',
    `${SESSION_CHANGE} primary_session:session`,
    'primary.orp_session_id primary.codex_session_id',
  ]),
  row('session', [
    'link session archive main',
    'linked',
    `${SESSION_CHANGE} session:session primary_session:obj`,
    'archived session.id',
  ]),
  row('session', [
    'link session unarchive main',
    'linked',
    `${SESSION_CHANGE} session:session primary_session:session`,
    'archived session.id',
  ]),
  row('session', [
    'link session remove main',
    'linked',
    `${SESSION_CHANGE} removed:true removed_session:session session_path:str primary_session:obj`,
    'removed session.id session.path',
  ]),
  ...['link import-rust --all', 'link session import-rust'].map((command) =>
    row('import', [
      command,
      'desktop app',
      'ok:true imported_project:true project_link:link project_link_path:str imported_sessions:session[] imported_session_count:int primary_session:session session_counts:counts rust_project_path:str rust_sessions_dir:str ignored_codex_session_ids:list skipped_paths:list',
      'imported_project imported_sessions primary.orp_session_id',
    ]),
  ),
  row('link status', [
    'link status',
    'linked',
    SHAPES.linkStatus ?? '',
    `${LINK_STATUS_LINES} note* warning* next*`,
  ]),
  row('link status, nothing here', [
    'link status',
    'bare',
    SHAPES.linkStatus ?? '',
    `${LINK_STATUS_LINES} note* warning* next*`,
  ]),
  row('link status, the server does not answer for the world', [
    'link status',
    'linked, no world',
    SHAPES.linkStatus ?? '',
    `${LINK_STATUS_LINES} note* warning* next*`,
  ]),
  row('link status, signed out', [
    'link status',
    'signed out, linked',
    SHAPES.linkStatus ?? '',
    `${LINK_STATUS_LINES} note* warning* next*`,
  ]),
  row('link doctor, all well', [
    'link doctor',
    'linked',
    'ok:true errors:int warnings:int issues:list status:linkStatus',
    'ok errors warnings issue*',
  ]),
  {
    ...row('link doctor, not well', [
      'link doctor --strict',
      'signed out, linked',
      'ok:false errors:int warnings:int issues:issue[] status:linkStatus',
      'ok errors warnings issue*',
    ]),
    exit: 1,
  },
  row('runner status', [
    'runner status',
    'linked',
    `${RUNNER_STATUS} link_status:linkStatus`,
    `${RUNNER_STATUS_LINES} note* warning* next*`,
  ]),
  row('runner status, nothing here', [
    'runner status',
    'no git',
    `${RUNNER_STATUS} link_status:obj`,
    `${RUNNER_STATUS_LINES} note* warning* next*`,
  ]),
  ...['enable', 'disable'].map((verb) =>
    row('runner', [
      `runner ${verb}`,
      'linked',
      'ok:true machine:machine machine_path:str repo_runner_path:str repo_has_git:true',
      'runner.enabled machine.id machine.path repo.runner_path',
    ]),
  ),
  row('runner', [
    'runner heartbeat',
    'linked',
    SHAPES.beat ?? '',
    'ok heartbeat_at_utc machine.id machine.path repo.runner_path',
  ]),
  row('runner, with a recorded job', [
    'runner heartbeat',
    'a recorded job',
    SHAPES.beat ?? '',
    'ok heartbeat_at_utc machine.id machine.path repo.runner_path',
  ]),
  row('runner, a repository is skipped', [
    'runner sync --linked-project-root /nowhere',
    'linked',
    (SHAPES.sync ?? '').replace('skipped_project_roots:list', 'skipped_project_roots:skipped[]'),
    'ok linked_projects sessions routeable_sessions included_project_roots skipped_project_roots machine.path repo.runner_path',
  ]),
  row('runner', [
    'runner sync',
    'linked',
    SHAPES.sync ?? '',
    'ok linked_projects sessions routeable_sessions included_project_roots skipped_project_roots machine.path repo.runner_path',
  ]),
  ...['cancel', 'retry'].map((verb) =>
    row('runner, the recorded job', [
      `runner ${verb}`,
      'a recorded job',
      ORDER,
      'ok job.id lease.id repo.root runtime.path',
    ]),
  ),
  row('runner, the last job', [
    'runner retry',
    'a last job',
    ORDER,
    'ok job.id lease.id repo.root runtime.path',
  ]),
  ...['cancel', 'retry'].map((verb) =>
    row('runner, a job that is named', [
      `runner ${verb} job_9`,
      'a job without a record',
      ORDER,
      'ok job.id lease.id repo.root runtime.path',
    ]),
  ),
];

export function row(
  outcome: string,
  [command, given, keys, lines]: [string, string, string, string],
): DocumentRow {
  return { outcome, command, given, exit: 0, keys, lines };
}
