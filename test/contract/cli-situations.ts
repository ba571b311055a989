/** What the machine and the server are like when a command of `cli-documents.ts` runs. */

import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Desk } from '../cli/desk.ts';
import type { Answer, Asked } from '../cli/recording-server.ts';
import type { FakeService } from '../cli/runner/fake-hosted.ts';

const IDEA = {
  id: 'ide_1',
  title: 'Tidal survey',
  notes: 'Measure the tide.',
  visibility: 'private',
  githubUrl: 'https://github.com/mira/tides',
  updatedAt: '2026-04-01T10:00:00.000Z',
};
const FEATURE = {
  id: 'fea_1',
  ideaId: 'ide_1',
  title: 'Grid',
  detailSections: [{ id: 'det_1', label: 'Detail', body: '10 m' }],
  starred: false,
  superStarred: false,
  completed: false,
  updatedAt: IDEA.updatedAt,
};
const WORLD = {
  id: 'wor_1',
  ideaId: 'ide_1',
  name: 'survey',
  projectRoot: '/srv/survey',
  githubUrl: 'https://github.com/mira/tides',
  codexSessionId: 'codex-1',
  status: 'active',
};
const USER = { id: 'usr_1', email: 'mira@example.test', name: 'Mira' };
const JOB = {
  id: 'job_1',
  kind: 'session.prompt',
  status: 'failed',
  priority: 0,
  attempt: 1,
  maxAttempts: 3,
  onLeaseLoss: 'hold',
  sessionFallback: 'primary',
  target: {},
  createdAt: IDEA.updatedAt,
  expiresAt: '2026-04-08T10:00:00.000Z',
  updatedAt: IDEA.updatedAt,
  prompt: 'Count the gauges.',
  attempts: [],
};
const REVIEW = {
  id: 'chk_1',
  ideaId: 'ide_1',
  jobId: 'job_1',
  triggerType: 'agent-feedback',
  status: 'completed',
  createdAt: IDEA.updatedAt,
  respondedAt: IDEA.updatedAt,
  summary: 'Good.',
};
const RUNTIME = {
  schema_version: '1.0.0',
  status: 'running',
  updated_at_utc: '2026-04-01T10:00:00Z',
  active_job: { job_id: 'job_1', lease_id: 'lea_1', status: 'running' },
  last_job: {},
  recent_events: [],
};

type Rule = [method: string, path: RegExp, body: unknown];

const RULES: readonly Rule[] = [
  ['POST', /device-(login|verify)$/, { token: 'dvt_2', user: USER }],
  ['GET', /\/me$/, { user: USER }],
  ['GET', /\/ideas$/, { ideas: [IDEA], hasMore: false, sort: 'updated_desc' }],
  ['POST', /\/ideas$/, { ok: true, idea: IDEA }],
  ['GET', /\/ideas\/[^/]+$/, { ok: true, idea: IDEA, features: [FEATURE] }],
  ['POST', /\/features$/, { ok: true, ...FEATURE, feature: FEATURE }],
  ['PATCH', /\/features\/[^/]+$/, { ok: true, ...FEATURE, feature: FEATURE }],
  ['DELETE', /\/features\/[^/]+$/, { ok: true, removedFeatureId: 'fea_1', ideaId: 'ide_1' }],
  ['PATCH', /\/ideas\/[^/]+$/, { ok: true, idea: IDEA }],
  ['PUT', /\/ideas\/[^/]+$/, { ok: true, idea: IDEA }],
  ['DELETE', /\/ideas\/[^/]+$/, { ok: true, removedIdeaId: 'ide_1', mode: 'soft' }],
  ['POST', /\/restore$/, { ok: true, idea: IDEA }],
  ['GET', /\/world$/, { ok: true, world: WORLD }],
  ['PUT', /\/world$/, { ok: true, world: WORLD }],
  ['GET', /\/checkpoints$/, { ok: true, checkpoints: [REVIEW], hasMore: false }],
  ['GET', /\/checkpoints\/[^/]+$/, { ok: true, checkpoint: REVIEW }],
  ['GET', /\/runner\/jobs$/, { ok: true, jobs: [JOB], hasMore: false }],
  ['POST', /\/job_1\/(cancel|retry)$/, { ok: true, job: JOB }],
  ['POST', /\/checkpoints$/, { id: 'chk_1', status: 'queued', worldId: 'wor_1', ideaId: 'ide_1' }],
  ['POST', /\/runner\/sync$/, { ok: true, syncedProjects: 1, syncedSessions: 1 }],
  ['GET', /\/runner\/jobs\/[^/]+$/, { ok: true, job: JOB }],
];

/** Answers as a server of v0.4.4 would. */
export function answerAsServer(given: string): (asked: Asked) => Answer {
  return ({ method, path }) => {
    if (given === 'signed out, code needed' && path.endsWith('device-login')) {
      return { body: { success: true, expiresAt: '2026-04-01T10:15:00Z' } };
    }
    if (given === 'linked, no world' && path.endsWith('/world')) {
      return { status: 403, body: { error: 'This idea is not yours.', code: 'forbidden' } };
    }
    const rule = RULES.find(([verb, pattern]) => verb === method && pattern.test(path));
    return { body: rule?.[2] ?? { ok: true } };
  };
}

/** Puts a desk into a situation. */
export async function arrange(desk: Desk, given: string, url: string): Promise<void> {
  desk.env.ORP_BASE_URL = url;
  if (!given.startsWith('signed out')) desk.signIn(url);
  if (given === 'bare') return;
  if (given === 'no git') {
    rmSync(join(desk.repo, '.git'), { recursive: true });
    return;
  }
  if (given === 'desktop app') return arrangeDesktopApp(desk);
  desk.linkTo('ide_1', { world_id: 'wor_1' });
  if (given === 'a last job') {
    const last = { ...RUNTIME, status: 'idle', active_job: {}, last_job: RUNTIME.active_job };
    desk.write(join(desk.link, 'runtime.json'), JSON.stringify(last));
  }
  if (given === 'a recorded job') desk.write(join(desk.link, 'runtime.json'), JSON.stringify(RUNTIME));
  await desk.orp('runner enable'.split(' '));
  if (given === 'linked, with sessions of the agent') {
    const folder = join(desk.home, '.codex', 'sessions', '2026', '04', '01');
    const id = '0198c2de-0000-7000-8000-000000000001';
    const meta = { type: 'session_meta', payload: { id, timestamp: IDEA.updatedAt, cwd: desk.repo } };
    const path = join(folder, `rollout-2026-04-01T10-00-00-${id}.jsonl`);
    desk.write(path, `${JSON.stringify({ timestamp: IDEA.updatedAt, ...meta })}\n`);
  }
  await desk.orp(
    'link session register --orp-session-id main --label Main --codex-session-id codex-1'.split(' '),
  );
}

function arrangeDesktopApp(desk: Desk): void {
  const folder = join(desk.repo, '.orp');
  mkdirSync(join(folder, 'sessions'), { recursive: true });
  desk.write(join(folder, 'project.json'), JSON.stringify({ hosted_link: { idea_id: 'ide_1' } }));
  desk.write(
    join(folder, 'sessions', 'one.json'),
    JSON.stringify({ session_id: 'main', label: 'Main', codex_session_id: 'codex-1' }),
  );
}

/** Answers like a v0.4.4 server that has a review for the repository, or none. */
export function answerWithReview(given: string, repo: string): (asked: Asked) => Answer {
  const recipe = given.includes('failing') ? { say: 'Half.', exit: 3 } : { say: '## Current state\nGood.\n' };
  const job = {
    id: 'job_8',
    kind: 'idea.checkpoint',
    prompt: JSON.stringify(recipe),
    world: { id: 'wor_3', projectRoot: repo, codexSessionId: 'codex-1' },
    checkpoint: { id: 'chk_31' },
  };
  let isTaken = given.startsWith('no review');
  return ({ path, query }) => {
    if (path.endsWith('/respond')) return { body: { ok: true, id: 'rsp_1' } };
    if (path.endsWith('/runner/jobs/job_8')) {
      return { body: { job: { id: 'job_8', status: 'running', leaseId: 'lea_7', checkpointId: 'chk_31' } } };
    }
    if (!path.endsWith('/agent/jobs/poll') || isTaken) return { body: {} };
    if (query.includes('dryRun=1')) return { body: { job, dryRun: true } };
    isTaken = true;
    return { body: { job, leaseId: 'lea_7' } };
  };
}

/** Queues the job of a situation in which an agent runs. */
export function arrangeWork(service: FakeService, given: string): void {
  if (given === 'a job' || given === 'a job, no agent')
    service.addJob('job_1', { say: 'The gauges were counted: 12.' });
  if (given === 'a job, no sync') {
    service.addJob('job_1', { say: 'ok' });
    service.order('sync', 'too_large');
  }
  if (given === 'a failing job') service.addJob('job_1', { say: 'Half.', stderr: ['no disk'], exit: 3 });
  if (given === 'a blank job') service.addJob('job_1', ' ');
  if (given === 'a strange job') service.addJob('job_1', { say: 'ok' }, { kind: 'world.paint' });
  if (given === 'a foreign job') {
    const payload = {
      projectRoot: '/srv/elsewhere',
      orpSessionId: 'other',
      codexSessionId: 'codex-9',
      ideaId: 'ide_9',
    };
    service.addJob('job_1', { say: 'ok' }, { payload, extra: { ideaId: 'ide_9' } });
  }
}
