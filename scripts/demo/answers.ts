/** Reads the answers from the server with plain HTTP, to check independently what `orp` has delivered. */

import type { Person, Stage } from './stage.ts';
import type { QueuedJob } from './story.ts';

export interface Answer extends QueuedJob {
  status: string;
  content: string;
  /** The number of entries in the transcript. */
  entries: number;
}

async function getJson<Document>(url: string, init?: RequestInit): Promise<Document> {
  const response = await fetch(url, init);
  const text = await response.text();
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${text}`);
  return JSON.parse(text) as Document;
}

async function signIn(url: string, person: Person): Promise<string> {
  const login = await getJson<{ token: string }>(`${url}/api/auth/device-login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(person),
  });
  return login.token;
}

/** Reads every job. Throws if a job has no answer. */
export async function readAnswers(stage: Stage, jobs: QueuedJob[]): Promise<Answer[]> {
  const { url } = stage.hosted;
  const headers = { authorization: `Bearer ${await signIn(url, stage.person)}` };
  const answers: Answer[] = [];
  for (const queued of jobs) {
    const at = `${url}/api/cli/runner/jobs/${queued.jobId}`;
    const { job } = await getJson<{ job: { status: string; content?: string } }>(at, { headers });
    const { entries } = await getJson<{ entries: unknown[] }>(`${at}/transcript`, { headers });
    if (job.status !== 'completed' || !job.content?.trim()) {
      throw new Error(
        `${queued.title} ${queued.jobId} is ${job.status} and has no answer in the hosted workspace.`,
      );
    }
    answers.push({ ...queued, status: job.status, content: job.content, entries: entries.length });
  }
  return answers;
}
