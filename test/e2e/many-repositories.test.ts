/** A machine with as many linked repositories as it may have works its jobs: no list of them travels in a URL. */

import { cpSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { rememberRoot } from '../../cli/records/linked-roots.ts';
import { orpJson } from '../../scripts/local/orp-command.ts';
import { projectPath } from '../../scripts/local/project-path.ts';
import { type Hosted, startHosted } from '../support/hosted.ts';
import { orpInside } from '../support/orp-inside.ts';
import { linkSession, makeWorkspace, type Workspace } from '../support/workspace.ts';

const AGENT = projectPath('test/cli/runner/process/recipe-agent.mjs');
const REPOSITORIES = 200;
/** Their paths together are longer than a URL may be. */
const FOLDER = `projects-of-the-tidal-survey-${'x'.repeat(80)}`;

let hosted: Hosted;
let workspace: Workspace;
let last: string;

/** Copies the linked repository, as somebody has it who works in many. */
async function linkAnother(at: number): Promise<string> {
  const root = join(workspace.folder, FOLDER, String(at));
  cpSync(workspace.repository, root, { recursive: true });
  for (const path of globSync('.git/orp/link/**/*.json', { cwd: root })) {
    const file = join(root, path);
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll(workspace.repository, root));
  }
  await rememberRoot(workspace.orp.env, root);
  return root;
}

beforeAll(async () => {
  hosted = await startHosted();
  workspace = await makeWorkspace(hosted);
  await linkSession(workspace, 'codex-session-1');
  mkdirSync(join(workspace.folder, FOLDER));
  for (let at = 1; at <= REPOSITORIES; at += 1) last = await linkAnother(at);
});

afterAll(async () => {
  workspace.remove();
  await hosted.close();
});

it('a runner with 200 linked repositories gets the job for the last of them', async () => {
  const orp = <Document>(...words: string[]) => orpInside<Document>(workspace.orp, words);
  const work = <Document>(...words: string[]): Promise<Document> =>
    orpJson<Document>(workspace.orp, ['runner', 'work', ...words]);
  await orp('runner', 'sync', '--all-linked');
  const { job } = await orp<{ job: { id: string } }>(
    ...['job', 'submit', JSON.stringify({ say: 'Done.' }), '--project-root', last],
  );
  await work('--once', '--all-linked', '--codex-bin', AGENT);
  const shown = await orp<{ job: { status: string; projectRoot: string } }>('job', 'show', job.id);
  expect(shown.job).toMatchObject({ status: 'completed', projectRoot: last });
  expect(hosted.refusals()).toEqual([]);
});
