/** The steps of the demonstration, with the commands that a person would type. */

import { orpJson, runOrp } from '../local/orp-command.ts';
import type { Where } from '../local/run-process.ts';
import { type Agent, createAgentSession } from './agent-session.ts';
import type { Progress } from './progress.ts';
import type { Stage } from './stage.ts';

const ORP_SESSION = 'demo-main';
const FIRST_PROMPT = 'We are going to work on the tidal survey. Read README.md and wait for instructions.';
const REVIEW_NOTE = 'Please say what the next small step is.';
const PROMPT = 'Say in one sentence what this repository is for, and what I asked you first in this session.';

export interface QueuedJob {
  title: string;
  jobId: string;
  checkpointId?: string;
}

export interface Told {
  ideaId: string;
  agentSessionId: string;
  jobs: QueuedJob[];
}

interface Linked {
  ideaId: string;
  agentSessionId: string;
}

async function signIn(stage: Stage): Promise<void> {
  const { email, password } = stage.person;
  const args = ['auth', 'login', '--base-url', stage.hosted.url, '--email', email, '--password-stdin'];
  await orpJson(stage.orp, args, `${password}\n`);
}

async function addIdea(orp: Where): Promise<string> {
  const notes = 'Measure the tide at three places, twice a day, for a month.';
  return (await orpJson<{ id: string }>(orp, ['idea', 'add', '--title', 'Tidal survey', '--notes', notes]))
    .id;
}

async function link(stage: Stage, { ideaId, agentSessionId }: Linked): Promise<void> {
  const session = ['--orp-session-id', ORP_SESSION, '--label', 'Demo', '--codex-session-id', agentSessionId];
  await orpJson(stage.orp, ['link', 'session', 'register', ...session, '--primary']);
  await orpJson(stage.orp, ['link', 'project', 'bind', '--idea-id', ideaId, '--idea-title', 'Tidal survey']);
}

async function enable(orp: Where): Promise<string> {
  const { machine } = await orpJson<{ machine: { machine_id: string } }>(orp, ['runner', 'enable']);
  await orpJson(orp, ['runner', 'sync']);
  return machine.machine_id;
}

async function queueReview(orp: Where, ideaId: string): Promise<QueuedJob> {
  const args = ['checkpoint', 'queue', '--idea-id', ideaId, '--user-note', REVIEW_NOTE];
  const queued = await orpJson<{ id: string; jobId: string }>(orp, args);
  return { title: 'checkpoint review', jobId: queued.jobId, checkpointId: queued.id };
}

async function queuePrompt(orp: Where): Promise<QueuedJob> {
  const queued = await orpJson<{ job: { id: string } }>(orp, ['job', 'submit', PROMPT]);
  return { title: 'prompt', jobId: queued.job.id };
}

async function workOnce(orp: Where, agent: Agent): Promise<void> {
  const { code, stdout, stderr } = await runOrp(orp, [
    'runner',
    'work',
    '--once',
    '--codex-bin',
    agent.bin,
    '--json',
  ]);
  if (code !== 0) throw new Error(`orp runner work --once ended with ${code}:\n${stderr}${stdout}`.trim());
  const outcome = JSON.parse(stdout) as { claimed: boolean; ok: boolean };
  if (!outcome.claimed || !outcome.ok) throw new Error(`The runner did not finish a job:\n${stdout}`);
}

/** Runs the steps. Returns the queued and completed jobs. */
export async function tell(stage: Stage, agent: Agent, progress: Progress): Promise<Told> {
  const { orp } = stage;
  await progress.step('Sign in: orp auth login', () => signIn(stage));
  const agentSessionId = await progress.step(
    `Start a session of ${agent.title}`,
    () => createAgentSession(agent, FIRST_PROMPT, orp),
    (id) => `agent session ${id}`,
  );
  const ideaId = await progress.step('Add an idea: orp idea add', () => addIdea(orp), String);
  await progress.step('Link the repository and the session: orp link …', () =>
    link(stage, { ideaId, agentSessionId }),
  );
  await progress.step(
    'Enable and sync this machine: orp runner enable, sync',
    () => enable(orp),
    (id) => `machine ${id}`,
  );

  const told = (job: QueuedJob): string => `job ${job.jobId}`;
  const review = await progress.step(
    'Queue a review: orp checkpoint queue',
    () => queueReview(orp, ideaId),
    told,
  );
  const prompt = await progress.step('Queue a prompt: orp job submit', () => queuePrompt(orp), told);
  await progress.step('Claim and run the first job: orp runner work --once', () => workOnce(orp, agent));
  await progress.step('Claim and run the second job: orp runner work --once', () => workOnce(orp, agent));
  return { ideaId, agentSessionId, jobs: [review, prompt] };
}
