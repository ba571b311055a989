/**
 * The governance report inside `link status`, from the research-governance files. It is for display only: a corrupt file
 * becomes a warning and has no other effect.
 */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readBoolean, readString } from '../files/fields.ts';
import { isObject, type JsonObject, readJsonFile, readJsonObject } from '../files/json-file.ts';
import { displayPath } from '../files/paths.ts';
import { parseTimestamp } from '../files/timestamps.ts';
import { isLinkable, type Repository } from '../git/repository.ts';
import { type GitFacts, githubRepositoryOf, lastCheckpointAt, readGitFacts } from './governance-git.ts';

export interface GovernancePlace {
  repository: Repository;
  configPath: string;
  env: NodeJS.ProcessEnv;
}

const FILES = {
  state: 'orp/state.json',
  manifest: 'orp/governance.json',
  agent_policy: 'orp/agent-policy.json',
  handoff: 'orp/HANDOFF.md',
  checkpoint_log: 'orp/checkpoints/CHECKPOINT_LOG.md',
} as const;

interface Files {
  /** `governance` of the state file. */
  governance: JsonObject;
  state: JsonObject;
  isGoverned: boolean;
  /** Keys `<file>_path` and `<file>_exists`. */
  paths: JsonObject;
  warnings: string[];
}

/** Builds the report. Invalid file contents never cause an exception. */
export async function readGovernance(place: GovernancePlace): Promise<JsonObject> {
  const { repository, env } = place;
  const { root } = repository;
  const hasGit = isLinkable(repository);
  const files = readFiles(place);
  const facts = hasGit ? await readGitFacts(repository, env) : undefined;
  const git = gitReport(facts, files);
  const runtimePath = repository.gitDir === undefined ? '' : join(repository.gitDir, 'orp', 'runtime.json');
  const runtime = runtimeReport(root, runtimePath, files);
  const hasPapers = ['agent_policy', 'handoff', 'checkpoint_log'].every(
    (name) => files.paths[`${name}_exists`],
  );
  const isReady =
    files.isGoverned && hasGit && git.working_branch_safe === true && git.dirty === false && hasPapers;
  return {
    repo_root: root,
    orp_governed: files.isGoverned,
    mode: files.isGoverned ? 'repo_governance' : 'uninitialized',
    ...files.paths,
    git_runtime_path: runtimePath === '' ? '' : displayPath(root, runtimePath),
    git,
    runtime,
    validation: await validationReport(root, env, runtime),
    readiness: {
      scope: facts?.remoteUrl ? 'remote_optional' : 'local_only',
      local_ready: isReady,
      remote_ready: isReady && Boolean(facts?.upstream),
      last_ready: runtime.last_ready,
    },
    warnings: files.warnings,
    notes: [],
    next_actions: [],
    ready_for_agent_work: isReady,
  };
}

function readFiles(place: GovernancePlace): Files {
  const { root } = place.repository;
  const warnings: string[] = [];
  const read = (name: string): JsonObject => {
    const file = readJsonFile(join(root, name));
    if (file.kind === 'torn') warnings.push(`Could not read ${name}: it is not a JSON object.`);
    return file.kind === 'read' ? file.value : {};
  };
  const state = read(FILES.state);
  const manifest = read(FILES.manifest);
  const governance = isObject(state.governance) ? state.governance : {};
  const repo = isObject(manifest.repo) ? manifest.repo : {};
  const paths: JsonObject = {
    config_path: displayPath(root, place.configPath),
    config_exists: existsSync(place.configPath),
  };
  for (const [name, fallback] of Object.entries(FILES)) {
    const path = join(root, readString(governance, `${name}_path`) ?? fallback);
    paths[`${name}_path`] = displayPath(root, path);
    paths[`${name}_exists`] = existsSync(path);
  }
  const isGoverned = readBoolean(governance, 'orp_governed') || readBoolean(repo, 'orp_governed');
  return { governance, state, isGoverned, paths, warnings };
}

function gitReport(facts: GitFacts | undefined, files: Files): JsonObject {
  const defaultBranch = readString(files.governance, 'default_branch') ?? 'main';
  const protectedBranches = [...new Set([defaultBranch, 'main', 'master'])];
  const branch = facts?.branch ?? '';
  const isProtected = protectedBranches.includes(branch);
  const isAllowed = readBoolean(files.governance, 'allow_protected_branch_work');
  const remoteUrl = readString(files.governance, 'effective_remote_url') ?? facts?.remoteUrl ?? '';
  const detectedRepo = facts === undefined ? '' : githubRepositoryOf(facts);
  const githubRepo = readString(files.governance, 'effective_github_repo') ?? detectedRepo;
  return {
    present: facts !== undefined,
    branch,
    commit: facts?.commit ?? '',
    has_commits: facts?.hasCommits ?? false,
    dirty: (facts?.dirtyPaths.length ?? 0) > 0,
    dirty_paths: facts?.dirtyPaths ?? [],
    default_branch: defaultBranch,
    protected_branches: protectedBranches,
    protected_branch: isProtected,
    allow_protected_branch_work: isAllowed,
    work_branch_required: isProtected && !isAllowed,
    working_branch_safe: branch !== '' && (!isProtected || isAllowed),
    detected_remote_url: facts?.remoteUrl ?? '',
    detected_github_repo: detectedRepo,
    effective_remote_mode: remoteModeOf(remoteUrl, githubRepo),
    effective_remote_url: remoteUrl,
    effective_github_repo: githubRepo,
    ...upstreamReport(facts),
  };
}

function remoteModeOf(remoteUrl: string, githubRepo: string): string {
  if (remoteUrl === '') return 'local_only';
  return githubRepo === '' ? 'remote' : 'github';
}

function upstreamReport(facts: GitFacts | undefined): JsonObject {
  const [remote = '', ...name] = (facts?.upstream ?? '').split('/');
  const isDefaultUpstream = facts !== undefined && name.join('/') === facts.remoteDefaultBranch;
  return {
    remote_name: facts?.remoteName ?? '',
    upstream_branch: facts?.upstream ?? '',
    upstream_remote: remote,
    upstream_branch_name: name.join('/'),
    remote_default_branch: facts?.remoteDefaultBranch ?? '',
    ahead_count: facts?.ahead ?? null,
    behind_count: facts?.behind ?? null,
    // Without another git process, known only if the branch tracks the remote's default branch.
    remote_default_ahead_count: isDefaultUpstream ? facts.ahead : null,
    remote_default_behind_count: isDefaultUpstream ? facts.behind : null,
  };
}

function runtimeReport(root: string, path: string, files: Files): JsonObject {
  const runtime = path === '' ? {} : (readJsonObject(path) ?? {});
  const objectAt = (key: string): JsonObject => (isObject(runtime[key]) ? runtime[key] : {});
  return {
    last_branch_action: objectAt('last_branch_action'),
    last_checkpoint: objectAt('last_checkpoint'),
    last_backup: objectAt('last_backup'),
    last_ready: objectAt('last_ready'),
    latest_run: latestRun(root, files.state),
  };
}

/** The last run in the state file, from its RUN.json. */
function latestRun(root: string, state: JsonObject): JsonObject {
  const id = readString(state, 'last_run_id');
  const runs = isObject(state.runs) ? state.runs : {};
  const path = id === undefined ? undefined : readString(runs, id);
  const run = path === undefined ? undefined : readJsonObject(join(root, path));
  if (id === undefined || run === undefined) return {};
  const summary = isObject(run.summary) ? run.summary : {};
  return {
    run_id: id,
    profile: readString(run, 'profile') ?? '',
    overall_result: readString(summary, 'overall_result') ?? '',
    gates_passed: summary.gates_passed ?? null,
    gates_failed: summary.gates_failed ?? null,
    gates_total: summary.gates_total ?? null,
    started_at_utc: readString(run, 'started_at_utc') ?? '',
    ended_at_utc: readString(run, 'ended_at_utc') ?? '',
  };
}

async function validationReport(
  root: string,
  env: NodeJS.ProcessEnv,
  runtime: JsonObject,
): Promise<JsonObject> {
  const run = isObject(runtime.latest_run) ? runtime.latest_run : {};
  const endedAt = parseTimestamp(readString(run, 'ended_at_utc') ?? '');
  const checkpointAt = endedAt === undefined ? undefined : await lastCheckpointAt(root, env);
  return {
    available: Object.keys(run).length > 0,
    run,
    checkpoint_after_validation:
      endedAt !== undefined && checkpointAt !== undefined && checkpointAt >= endedAt,
  };
}
