/** What a person unlinks or archives on the Mac reaches the server by itself: jobs for it say so at once. */

import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Hosted, startHosted } from '../support/hosted.ts';
import { orpInside } from '../support/orp-inside.ts';
import { linkSession, makeWorkspace, type Workspace } from '../support/workspace.ts';

let hosted: Hosted;
let workspace: Workspace;
let ideaId: string;

beforeAll(async () => {
  hosted = await startHosted();
  workspace = await makeWorkspace(hosted);
  ideaId = await linkSession(workspace, 'codex-session-1');
});

afterAll(async () => {
  workspace.remove();
  await hosted.close();
});

const orp = <Document>(...words: string[]) => orpInside<Document>(workspace.orp, words);

/** Why a job for this repository waits. */
async function waitingCode(): Promise<string | undefined> {
  const target = ['--project-root', workspace.repository, '--idea-id', ideaId];
  const { job } = await orp<{ job: { id: string } }>('job', 'submit', 'Count the gauges.', ...target);
  const shown = await orp<{ job: { waiting?: { code: string } } }>('job', 'show', job.id);
  await orp('job', 'cancel', job.id);
  return shown.job.waiting?.code;
}

it('an archived session, and an unlinked repository, take no jobs from then on', async () => {
  const before = await waitingCode();
  expect(['no_session', 'no_machine']).not.toContain(before);

  await orp('link', 'session', 'archive', 'main');
  expect(await waitingCode()).toBe('no_session');
  await orp('link', 'session', 'unarchive', 'main');
  expect(await waitingCode()).toBe(before);

  await orp('link', 'project', 'unbind');
  expect(await waitingCode()).toBe('no_machine');
  await orp('link', 'project', 'bind', '--idea-id', ideaId);
  expect(await waitingCode()).toBe(before);
  expect(hosted.refusals()).toEqual([]);
});
