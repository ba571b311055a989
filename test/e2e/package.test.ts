/** The npm package as a stranger gets it: small, without dependencies, installed into an empty folder, and working there. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chooseAgent, createAgentSession } from '../../scripts/demo/agent-session.ts';
import { orpJson, runOrp } from '../../scripts/local/orp-command.ts';
import { projectPath } from '../../scripts/local/project-path.ts';
import { runProcess } from '../../scripts/local/run-process.ts';
import { install, pack, type Tarball } from '../../scripts/release/package.ts';
import { type Hosted, startHosted } from '../support/hosted.ts';
import { runScript } from '../support/processes.ts';
import { linkSession, makeWorkspace, type Workspace } from '../support/workspace.ts';

const LIMIT_BYTES = 300_000;

let folder: string;
let tarball: Tarball;
let project: string;
let hosted: Hosted;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'orp-package-'));
  tarball = pack(folder, { isBuilt: true });
  project = install(tarball, folder);
  hosted = await startHosted();
});

afterAll(async () => {
  await hosted?.close();
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
});

const installedOrp = () => join(project, 'node_modules', '.bin', 'orp');

describe('the tarball', () => {
  it('is small, and holds the program, the client, the schemas and the documents only', () => {
    expect(tarball.bytes).toBeLessThanOrEqual(LIMIT_BYTES);
    const others = tarball.files.filter((path) => !/^(dist\/|spec\/v1\/.+\.schema\.json$)/.test(path));
    expect(others.sort()).toEqual(['LICENSE', 'README.md', 'package.json']);
    expect(tarball.files).toEqual(
      expect.arrayContaining(['dist/orp.js', 'dist/client.js', 'dist/client.d.ts']),
    );
  });

  it('installs without a registry, because it depends on nothing', () => {
    const manifest = JSON.parse(
      readFileSync(join(project, 'node_modules', 'orp-runner', 'package.json'), 'utf8'),
    ) as Record<string, unknown>;
    expect(manifest.dependencies).toBeUndefined();
    // Only `--jq` uses it, and says how to install it.
    expect(Object.keys(manifest.optionalDependencies ?? {})).toEqual(['jq-wasm']);
    expect(manifest.private).toBeUndefined();
    const version = execFileSync(installedOrp(), ['--version'], { cwd: project, encoding: 'utf8' });
    expect(version.trim()).toBe(manifest.version);
  });
});

describe('the installed package', () => {
  it('passes the smoke flow', async () => {
    const user = await hosted.createUser('operator');
    const env = { ...process.env, ORP_SMOKE_PASSWORD: user.password };
    const orp = join(project, 'node_modules', 'orp-runner', 'dist', 'orp.js');
    const script = runScript(
      'scripts/smoke.ts',
      ['--url', hosted.url, '--email', user.email, '--orp', orp],
      env,
    );
    const code = await script.ended;
    expect({ code, said: script.output() }).toMatchObject({ code: 0 });
  });
});

/** A program of somebody else. It prints what it has seen as JSON. */
const PROGRAM = `
import { OrpClient, OrpError } from 'orp-runner/client';

const client = new OrpClient({ baseUrl: process.env.ORP_BASE_URL, token: process.env.ORP_TOKEN });
const order = { prompt: 'Say what this repository is for.', ideaId: process.env.IDEA };
const job = await client.enqueue(order, { idempotencyKey: 'from-a-program' });
const again = await client.enqueue(order, { idempotencyKey: 'from-a-program' });
console.error('queued');
const kinds = [];
let text = '';
for await (const event of client.follow(job.id)) {
  kinds.push(event.kind === 'entry' ? 'entry' : event.kind + ':' + event.status);
  if (event.kind === 'entry') text += event.entry.text;
}
const done = await client.wait(job.id);
const never = await client.enqueue({ prompt: 'Never.', notBefore: new Date(Date.now() + 3_600_000).toISOString() });
const late = await client.wait(never.id, { timeoutMs: 1500 }).catch((error) => error);
const cancelled = await client.cancel(never.id, 'Enough.');
const foreign = await client.get('job_nobody').catch((error) => error);
const wrong = await new OrpClient({ baseUrl: process.env.ORP_BASE_URL, token: 'dvt_wrong' }).get(job.id).catch((error) => error);
const plain = (() => { try { new OrpClient({ baseUrl: 'http://orp.example.org', token: 'x' }); } catch (error) { return error; } })();
console.log(JSON.stringify({
  same: job.id === again.id, kinds, hasText: text !== '', done,
  errors: [late, foreign, wrong, plain].map((error) => [error instanceof OrpError, error.code, error.status]),
  cancelled: cancelled.status,
}));
`;

/** A linked repository, and a worker for it. */
async function aWorkplace() {
  const workspace: Workspace = await makeWorkspace(hosted);
  const agent = chooseAgent(false);
  const env = { ...workspace.orp.env, DEMO_AGENT_HOME: join(workspace.folder, 'agent') };
  const where = { ...workspace.orp, env };
  const session = await createAgentSession(agent, 'Wait.', where);
  const ideaId = await linkSession({ ...workspace, orp: where }, session);
  /** Works until a job was claimed, because a program may not have queued it yet. */
  const work = async (): Promise<void> => {
    for (let round = 0; round < 100; round += 1) {
      const args = ['runner', 'work', '--once', '--codex-bin', agent.bin, '--json'];
      const { stdout } = await runOrp(where, args);
      if ((JSON.parse(stdout) as { claimed: boolean }).claimed) return;
    }
  };
  return { workspace, where, ideaId, work };
}

describe('docs/api.md', () => {
  const page = readFileSync(projectPath('docs/api.md'), 'utf8');
  const block = (language: string) =>
    new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(page)?.[1] ?? '';

  it('has lines for curl and for JavaScript that work as they stand, with a token that may only send', async () => {
    const { workspace, where, work } = await aWorkplace();
    const made = await orpJson<{ token: string }>(where, [
      'auth',
      'token',
      'create',
      'ci',
      '--scope',
      'enqueue',
    ]);
    const env = { ...process.env, ORP_BASE_URL: hosted.url, ORP_TOKEN: made.token };
    writeFileSync(join(project, 'example.js'), block('js'));
    for (const command of [
      ['bash', '-c', block('sh')],
      [process.execPath, 'example.js'],
    ]) {
      const program = runProcess(command, { cwd: project, env });
      await work();
      const { code, stdout, stderr } = await program;
      expect({ code, stderr }).toMatchObject({ code: 0 });
      expect(stdout).toContain('demonstration agent');
    }
    workspace.remove();
  });
});

describe('orp-runner/client', () => {
  it('queues a prompt once, follows it, waits for its answer, and says what went wrong by codes', async () => {
    const { workspace, ideaId, work } = await aWorkplace();
    writeFileSync(join(project, 'program.js'), PROGRAM);
    const program = runProcess([process.execPath, 'program.js'], {
      cwd: project,
      env: {
        ...process.env,
        ORP_BASE_URL: hosted.url,
        ORP_TOKEN: await hosted.signIn(workspace.user),
        IDEA: ideaId,
      },
    });
    await work();
    const { code, stdout, stderr } = await program;
    workspace.remove();
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(JSON.parse(stdout)).toMatchObject({
      same: true,
      kinds: expect.arrayContaining(['entry', 'end:completed']),
      hasText: true,
      done: { status: 'completed', content: expect.stringContaining('demonstration agent') },
      errors: [
        [true, 'timeout', 0],
        [true, 'not_found', 404],
        [true, 'unauthenticated', 401],
        [true, 'invalid_url', 0],
      ],
      cancelled: 'cancelled',
    });
  });

  it('has types that compile in a strict program', () => {
    writeFileSync(
      join(project, 'typed.ts'),
      `import { OrpClient, type Job, type JobEvent } from 'orp-runner/client';
const client = new OrpClient({ baseUrl: 'https://orp.example.org', token: 'dvt_x' });
export const job: Job = await client.enqueue({ prompt: 'Hello.' });
export const answer: string | undefined = (await client.wait(job.id, { timeoutMs: 1 })).content;
export const events: AsyncGenerator<JobEvent, void, undefined> = client.follow(job.id);
// @ts-expect-error no such option
await client.enqueue({ prompt: 'x', priorty: 1 });
`,
    );
    const tsc = projectPath('node_modules/.bin/tsc');
    const options = [
      '--noEmit',
      '--strict',
      '--module',
      'nodenext',
      '--target',
      'es2023',
      '--lib',
      'es2023,dom',
      '--types',
      '',
    ];
    expect(() =>
      execFileSync(tsc, [...options, 'typed.ts'], { cwd: project, encoding: 'utf8' }),
    ).not.toThrow();
  });
});
