/** A sender and the person in front of the runner: what the one reads while the other is asked. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { projectPath } from '../../scripts/local/project-path.ts';
import { openTerminal } from '../cli/output/terminal.ts';
import { until } from '../cli/runner/job/conditions.ts';
import { type Hosted, startHosted } from '../support/hosted.ts';
import { orpInside } from '../support/orp-inside.ts';
import { linkSession, makeWorkspace, type Workspace } from '../support/workspace.ts';

const AGENT = projectPath('test/cli/runner/process/recipe-agent.mjs');
const CTRL_C = '\u0003';
const QUESTION = 'May it run?';

let hosted: Hosted;
let workspace: Workspace;

beforeAll(async () => {
  hosted = await startHosted();
  workspace = await makeWorkspace(hosted);
  await linkSession(workspace, 'codex-session-1');
  const folder = join(workspace.folder, 'config/orp');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const policy = { schema_version: '1.0.0', confirm: 'always' };
  writeFileSync(join(folder, 'policy.json'), JSON.stringify(policy), { mode: 0o600 });
});

afterAll(async () => {
  workspace.remove();
  await hosted.close();
});

interface Shown {
  job: { id: string; status: string; attempt: number; waiting?: { code: string; message: string } };
}

async function show(jobId: string): Promise<Shown['job']> {
  return (await orpInside<Shown>(workspace.orp, ['job', 'show', jobId])).job;
}

/** A runner in a terminal of its own that asks about its next job. */
function askingRunner() {
  const words = ['runner', 'work', '--codex-bin', AGENT, '--transport', 'poll', '--poll-interval', '1'];
  return openTerminal([process.execPath, projectPath('dist/orp.js'), ...words], {
    cwd: workspace.repository,
    env: workspace.orp.env,
  });
}

it('the sender reads that a person is asked; a question that is left costs the job nothing, a yes runs it', async () => {
  const submitted = await orpInside<Shown>(workspace.orp, ['job', 'submit', 'Count the gauges.']);
  const { id } = submitted.job;

  const first = askingRunner();
  await until(() => first.output.includes(QUESTION));
  const asked = await until(async () => {
    const job = await show(id);
    return job.waiting?.code === 'asking_at_machine' && job;
  });
  expect(asked.status).toBe('dispatched');
  first.type(CTRL_C);
  await first.ended;
  expect(first.output).toContain(`Job ${id} was not started and is in the queue again.`);
  expect((await show(id)).status).toBe('queued');

  const second = askingRunner();
  await until(() => second.output.includes(QUESTION));
  second.type('y\n');
  const done = await until(async () => {
    const job = await show(id);
    return job.status === 'completed' && job;
  });
  expect(done.attempt).toBe(1);
  second.type(CTRL_C);
  await second.ended;
});
