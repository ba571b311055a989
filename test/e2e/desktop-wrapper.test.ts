/**
 * What the desktop app does: it runs the program that `ORP_CLI_BIN` names, with `--json`, and reads the documents. The calls
 * are those of its smoke test: link a project and a session, queue a checkpoint, let the runner work once, then let the
 * compatibility command find the queue empty.
 */

import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { orpJson } from '../../scripts/local/orp-command.ts';
import { projectPath } from '../../scripts/local/project-path.ts';
import { runProcess } from '../../scripts/local/run-process.ts';
import { RECIPE_AGENT } from '../cli/runner/orp-process.ts';
import { type Hosted, startHosted } from '../support/hosted.ts';
import { makeWorkspace, type Workspace } from '../support/workspace.ts';

let hosted: Hosted;
let workspace: Workspace;

beforeAll(async () => {
  hosted = await startHosted();
  workspace = await makeWorkspace(hosted, { CODEX_BIN: RECIPE_AGENT });
});

afterAll(async () => {
  workspace.remove();
  await hosted.close();
});

/** A wrapper that gets all values from its flags, and the program from the environment. */
class Wrapper {
  readonly #program = join(workspace.folder, 'orp');

  constructor() {
    writeFileSync(
      this.#program,
      `#!/bin/sh\nexec "${process.execPath}" "${projectPath('dist/orp.js')}" "$@"\n`,
    );
    chmodSync(this.#program, 0o755);
  }

  /** Runs one command at `--project-root`. Only stdout and the exit code count. */
  async call(...words: string[]): Promise<Record<string, unknown>> {
    const env = { ...workspace.orp.env, ORP_CLI_BIN: this.#program };
    const argv = [env.ORP_CLI_BIN, '--repo-root', workspace.repository, ...words, '--json'];
    const { code, stdout, stderr } = await runProcess(argv, { cwd: workspace.folder, env });
    if (code !== 0) throw new Error(`${words.join(' ')} ended with ${code}: ${stderr}`);
    return JSON.parse(stdout) as Record<string, unknown>;
  }
}

describe('the desktop app', () => {
  it('links, queues, works once and finds the queue empty, by the documents alone', async () => {
    const wrapper = new Wrapper();
    const { id: ideaId } = await orpJson<{ id: string }>(workspace.orp, ['idea', 'add', '--title', 'Tides']);

    const session = ['--orp-session-id', 'main', '--label', 'Main', '--codex-session-id', 'codex-1'];
    expect(await wrapper.call('link', 'session', 'register', ...session, '--primary')).toMatchObject({
      ok: true,
      created: true,
    });
    expect(await wrapper.call('link', 'project', 'bind', '--idea-id', ideaId)).toMatchObject({
      ok: true,
      project_link: { idea_id: ideaId, project_root: workspace.repository },
      world: { codexSessionId: 'codex-1' },
    });
    expect(await wrapper.call('runner', 'enable')).toMatchObject({
      ok: true,
      machine: { runner_enabled: true },
    });
    expect(await wrapper.call('link', 'status')).toMatchObject({ ok: true, routing_ready: true });
    expect(await wrapper.call('runner', 'sync')).toMatchObject({ ok: true, routeable_sessions: 1 });
    expect(await wrapper.call('runner', 'status')).toMatchObject({ sync_ready: true, work_ready: true });

    const note = 'Is the plan still right?';
    const queued = await wrapper.call('checkpoint', 'queue', '--idea-id', ideaId, '--user-note', note);
    expect(queued).toMatchObject({ ok: true, status: 'queued', ideaId });

    const work = await wrapper.call('runner', 'work', '--once');
    expect(work).toMatchObject({
      ok: true,
      claimed: true,
      job: { kind: 'idea.checkpoint', checkpointId: queued.id },
      selected_session: { orp_session_id: 'main' },
      worker: { exitCode: 0 },
    });
    const drained = await wrapper.call('agent', 'work', '--once');
    expect(drained).toMatchObject({
      ok: true,
      claimed: false,
      compatibility: { mode: 'runner-primary', legacy_fallback: false },
    });

    const { checkpoint } = await wrapper.call('checkpoint', 'show', String(queued.id));
    expect(checkpoint).toMatchObject({ status: 'completed', body: expect.stringContaining(note) });
  });

  it('with nothing queued, gets ok and not claimed from both commands', async () => {
    const wrapper = new Wrapper();
    expect(await wrapper.call('runner', 'work', '--once')).toMatchObject({
      ok: true,
      claimed: false,
      job: null,
    });
    expect(await wrapper.call('agent', 'work', '--once')).toMatchObject({
      ok: true,
      claimed: false,
      job: null,
    });
  });
});
