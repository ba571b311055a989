import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AgentLaunch } from '../../../cli/agents/agent.ts';
import { readAnswer } from '../../../cli/agents/answer-file.ts';
import { codexAgent } from '../../../cli/agents/codex.ts';

let folder: string;
let bin: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'orp-codex-'));
  bin = join(folder, 'bin', 'codex');
  await mkdir(dirname(bin));
  await writeFile(bin, '#!/bin/sh\n');
  await chmod(bin, 0o755);
});

afterEach(() => rm(folder, { recursive: true, force: true }));

async function launch(
  options: { bin?: string; profile?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<AgentLaunch> {
  const agent = codexAgent({ env: { PATH: dirname(bin) }, ...options });
  const prepared = await agent.prepare({ sessionId: '0198c2de-codex', prompt: 'Hi', cwd: folder, folder });
  if (prepared.kind !== 'ready') throw new Error(prepared.message);
  return prepared.launch;
}

describe('the launch of Codex', () => {
  it('has its options before `resume`, the prompt on stdin and the session directory', async () => {
    const plan = await launch();
    const answerFile = plan.args[4] ?? '';

    expect(plan.command).toBe(bin);
    expect(plan.args).toEqual([
      'exec',
      '--skip-git-repo-check',
      '--json',
      '--output-last-message',
      answerFile,
      'resume',
      '0198c2de-codex',
      '-',
    ]);
    expect(plan).toMatchObject({ cwd: folder, input: 'Hi', env: { PATH: dirname(bin) } });
    expect(plan.env).not.toHaveProperty('CODEX_PROFILE');
  });

  it.each(['mkdir', 'mkfifo'])(
    'treats the result of %s in place of the answer as no answer',
    async (program) => {
      const { answerPath } = await launch();
      execFileSync(program, [answerPath]);

      expect(await readAnswer(answerPath)).toBeUndefined();
    },
  );

  it('keeps the answer in a private folder of its own, inside the one of the run', async () => {
    const { args, answerPath } = await launch();

    expect(args[4]).toBe(answerPath);
    expect(dirname(dirname(answerPath))).toBe(folder);
    expect((await stat(dirname(answerPath))).mode & 0o777).toBe(0o700);
    expect(answerPath).not.toContain('0198c2de');
    expect(await readAnswer(answerPath)).toBeUndefined();
    await writeFile(answerPath, 'Done.\n');
    expect(await readAnswer(answerPath)).toBe('Done.\n');
  });

  it('names the profile as Codex reads it, and beside it as CODEX_PROFILE', async () => {
    const plan = await launch({ profile: 'review' });

    expect(plan.args.indexOf('--profile=review')).toBeLessThan(plan.args.indexOf('resume'));
    expect(plan.args).toContain('--profile=review');
    expect(plan.env.CODEX_PROFILE).toBe('review');
  });

  it.each([
    ['neither file has it', {}, 1],
    ['it has a file of its own', { 'review.config.toml': 'model = "m"' }, 0],
    ['the configuration has a table for it', { 'config.toml': '[profiles.review]\nmodel = "m"' }, 0],
    ['the configuration has tables for others', { 'config.toml': '[profiles.other]\nmodel = "m"' }, 1],
  ])('is remarked on when Codex would ignore its profile: %s', async (_, files, remarks) => {
    const home = join(folder, 'codex-home');
    await mkdir(home);
    for (const [name, text] of Object.entries(files)) await writeFile(join(home, name), text);
    const env = { PATH: dirname(bin), CODEX_HOME: home };
    const found = await codexAgent({ env, profile: 'review' }).findProgram();

    expect(found.kind === 'found' && found.remarks.length).toBe(remarks);
  });

  it('prefers the flag to CODEX_BIN, and CODEX_BIN to the PATH', async () => {
    const flagged = await launch({ bin, env: { PATH: '', CODEX_BIN: '/nothing' } });
    const fromEnv = await launch({ env: { PATH: '', CODEX_BIN: bin } });

    expect([flagged.command, fromEnv.command]).toEqual([bin, bin]);
  });

  it.each(['--config=evil', '-', '', 'a b', '../x', 'a\nb', `a${'b'.repeat(300)}`])(
    'is refused for %j, which is no session id',
    async (sessionId) => {
      const prepared = await codexAgent({ bin, env: {} }).prepare({
        sessionId,
        prompt: 'Hi',
        cwd: folder,
        folder,
      });

      expect(prepared).toMatchObject({ kind: 'refused', message: expect.stringContaining('session id') });
    },
  );

  it('leaves out of the environment what belongs to the runner', async () => {
    const { env } = await launch({ env: { PATH: dirname(bin), ORP_PASSWORD: 'x', CODEX_HOME: '/c' } });

    expect(env).toEqual({ PATH: dirname(bin), CODEX_HOME: '/c', PWD: folder });
  });

  it('is refused with a sentence when Codex is missing or the directory is gone', async () => {
    const task = { sessionId: 's', prompt: 'Hi', cwd: folder, folder };

    expect(await codexAgent({ env: { PATH: folder } }).prepare(task)).toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('--codex-bin'),
    });
    expect(await codexAgent({ bin, env: {} }).prepare({ ...task, cwd: join(folder, 'gone') })).toMatchObject({
      kind: 'refused',
      message: expect.stringContaining('does not exist'),
    });
    expect(
      await codexAgent({ bin, env: {} }).prepare({ ...task, folder: join(folder, 'gone') }),
    ).toMatchObject({
      kind: 'refused',
      message: expect.stringContaining('Could not create a file for the answer'),
    });
  });
});
