/** The steps of the smoke flow, in the order of a person who sets up a machine and sends work to it. */

import type { Agent } from '../demo/agent-session.ts';
import { createAgentSession } from '../demo/agent-session.ts';
import type { Progress } from '../demo/progress.ts';
import { runProcess } from '../local/run-process.ts';
import { orp, type Person, request, useMachineOf } from './person.ts';

/** The records that the flow has created so far. The clean-up removes them. */
export interface Made {
  isSignedIn: boolean;
  ideaId?: string;
  isLinked: boolean;
  jobIds: string[];
}

export interface Credentials {
  email: string;
  password: string;
}

const PROMPT = 'This is a smoke test of the server. Answer in one sentence.';

export async function play(
  person: Person,
  plan: { agent: Agent; credentials: Credentials | undefined; progress: Progress; made: Made },
): Promise<void> {
  const { agent, credentials, progress, made } = plan;
  if (credentials !== undefined) {
    await progress.step('Sign in: orp auth login', async () => {
      const args = [
        'auth',
        'login',
        '--base-url',
        person.url,
        '--email',
        credentials.email,
        '--password-stdin',
      ];
      await orp(person, args, `${credentials.password}\n`);
      made.isSignedIn = true;
    });
  }
  const me = await progress.step(
    'Ask who is signed in: orp whoami',
    async () => {
      await orp(person, ['whoami']);
      const { user } = (await (await request(person, '/api/cli/me')).json()) as {
        user: { id: string; email: string };
      };
      return user;
    },
    ({ email }) => email,
  );
  const machineId = useMachineOf(person, me.id);
  const sessionId = await progress.step(`Start a session of ${agent.title}`, () =>
    createAgentSession(agent, 'Wait for a smoke test.', person.where),
  );
  await progress.step('Add an idea and bind this repository: orp idea add, link', () =>
    link(person, made, sessionId),
  );
  await progress.step('Enable and sync this machine: orp runner enable, sync', async () => {
    await orp(person, ['runner', 'enable']);
    await orp(person, ['runner', 'sync']);
  });
  await progress.step('Open the event stream', () => probeStream(person, machineId), String);
  await progress.step('Queue a review and a prompt: orp checkpoint queue, job submit', async () => {
    const args = ['checkpoint', 'queue', '--idea-id', made.ideaId ?? ''];
    made.jobIds.push((await orp<{ jobId: string }>(person, args)).jobId);
    made.jobIds.push(await queuePrompt(person, made));
  });
  for (const title of ['first', 'second'])
    await progress.step(`Claim and run the ${title} job: orp runner work --once`, () =>
      workOnce(person, agent),
    );
  await progress.step('Find both answers on the server', () => checkAnswers(person, made));
  await progress.step(
    'Find the machine without a lease, as operators see it',
    () => checkMachine(person, machineId),
    String,
  );
}

async function link(person: Person, made: Made, sessionId: string): Promise<void> {
  const title = 'Smoke test';
  const added = await orp<{ id: string }>(person, [
    'idea',
    'add',
    '--title',
    title,
    '--notes',
    'This idea may be deleted.',
  ]);
  made.ideaId = added.id;
  const session = ['--orp-session-id', 'smoke', '--label', 'Smoke', '--codex-session-id', sessionId];
  await orp(person, ['link', 'session', 'register', ...session, '--primary']);
  await orp(person, ['link', 'project', 'bind', '--idea-id', added.id, '--idea-title', title]);
  made.isLinked = true;
}

/** A stream without work sends `ready`, and then `timeout` at its end. */
async function probeStream(person: Person, machineId: string): Promise<string> {
  const answer = await request(person, `/api/cli/runner/events/stream?machineId=${machineId}&waitSeconds=2`);
  const events = [...(await answer.text()).matchAll(/^event: (\S+)$/gm)].map(([, name]) => name);
  const told = events.join(', then ');
  if (answer.status !== 200 || events[0] !== 'ready' || events.at(-1) !== 'timeout')
    throw new Error(`The event stream answered ${answer.status} with the events: ${told || 'none'}.`);
  return told;
}

/** A server older than 0.6.0 announces no extensions, so `orp` does not send prompts to it. Its API accepts prompts. */
async function queuePrompt(person: Person, { ideaId }: Made): Promise<string> {
  const submitted = await orp<{ job: { id: string } }>(person, ['job', 'submit', PROMPT]).catch(
    async (error: Error) => {
      if (!error.message.includes('"not_offered"')) throw error;
      const body = JSON.stringify({ prompt: PROMPT, ideaId });
      const answer = await request(person, '/api/cli/runner/jobs', { method: 'POST', body });
      if (!answer.ok)
        throw new Error(`The prompt was answered with ${answer.status}: ${await answer.text()}`);
      return (await answer.json()) as { job: { id: string } };
    },
  );
  return submitted.job.id;
}

async function workOnce(person: Person, agent: Agent): Promise<void> {
  const args = ['runner', 'work', '--once', '--codex-bin', agent.bin, '--json'];
  const { code, stdout, stderr } = await runProcess([...person.orp, ...args], person.where);
  const outcome = code === 0 ? (JSON.parse(stdout) as { claimed: boolean; ok: boolean }) : undefined;
  if (!outcome?.claimed || !outcome.ok)
    throw new Error(`The runner finished no job (exit code ${code}): ${`${stderr}${stdout}`.trim()}`);
}

async function checkAnswers(person: Person, made: Made): Promise<void> {
  for (const id of made.jobIds) {
    const answer = await request(person, `/api/cli/runner/jobs/${id}`);
    const { job } = (await answer.json()) as { job?: { status: string; content?: string } };
    if (job?.status !== 'completed' || !job.content?.trim())
      throw new Error(`Job ${id} is ${job?.status ?? `answered with ${answer.status}`} and has no answer.`);
  }
}

interface ConsoleMachine {
  id: string;
  heldCount: number;
  lastSeenAt: string;
  lastCompletedAt?: string;
}

/** If the account is an operator, check the console. Other accounts can only read their own machine. */
async function checkMachine(person: Person, machineId: string): Promise<string> {
  const list = await request(person, `/api/admin/machines?q=${machineId}`);
  // An older server has no list of machines.
  if (list.status === 403 || list.status === 404) {
    const own = await request(person, `/api/cli/runner/machines/${machineId}`);
    if (own.status !== 200) throw new Error(`The machine ${machineId} is answered with ${own.status}.`);
    return list.status === 404
      ? 'the server has no list of machines: only the machine itself was looked at'
      : 'the account is no operator: only the machine itself was looked at';
  }
  const { machines } = (await list.json()) as { machines: ConsoleMachine[] };
  const found = machines.find(({ id }) => id === machineId);
  if (found === undefined) throw new Error(`The console does not list the machine ${machineId}.`);
  if (found.heldCount !== 0 || found.lastCompletedAt === undefined)
    throw new Error(`The console shows a lease, or no completed job: ${JSON.stringify(found)}`);
  return `last completed ${found.lastCompletedAt}`;
}

/** Removes what the flow has made, also after a failure. Returns the sentences about what could not be removed. */
export async function cleanUp(person: Person, made: Made): Promise<string[]> {
  const failed: string[] = [];
  const remove = async (args: readonly string[]): Promise<void> => {
    await orp(person, args).catch((error: Error) => failed.push(error.message));
  };
  for (const id of made.jobIds) {
    const answer = await request(person, `/api/cli/runner/jobs/${id}`).catch(() => undefined);
    const { job } = ((await answer?.json().catch(() => ({}))) ?? {}) as { job?: { status: string } };
    if (job !== undefined && !['completed', 'failed', 'cancelled'].includes(job.status))
      await remove(['job', 'cancel', id]);
  }
  // On an enabled machine, unbind also syncs.
  if (made.isLinked) {
    await remove(['link', 'project', 'unbind']);
  }
  if (made.ideaId !== undefined) await remove(['idea', 'remove', made.ideaId, '--purge']);
  if (made.isSignedIn) await remove(['auth', 'logout']);
  return failed;
}
