import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Desk } from '../desk.ts';
import { RecordingServer } from '../recording-server.ts';
import { MAIN } from '../runner/orp-process.ts';

const at = '2026-04-01T10:00:00.000Z';
const JOB = {
  ...{ id: 'job_1', kind: 'session.prompt', status: 'queued', priority: 0, attempt: 0, maxAttempts: 1 },
  ...{ onLeaseLoss: 'hold', sessionFallback: 'primary', target: {}, createdAt: at, updatedAt: at },
  expiresAt: at,
};

const PAGE = { sort: 'updated_desc', limit: 50 };
const anIdea = (id: string) => ({
  ...{ id, title: 'Tides', notes: '', visibility: 'private', createdAt: at, updatedAt: at },
});

async function complete(desk: Desk, ...words: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await desk.orp(['__complete', '--', ...words]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout.split('\n').filter((line) => line !== '');
}

describe('completion', () => {
  it('offers commands, subcommands and options', async () => {
    using desk = new Desk();
    expect(await complete(desk, 'ru')).toEqual(['runner']);
    expect(await complete(desk, 'link', 'session', 'a')).toEqual(['archive']);
    expect(await complete(desk, 'link', 'doctor', '--s')).toEqual(['--strict']);
    expect(await complete(desk, 'link', 'session', 'register', '--state', '')).toEqual(['active', 'closed']);
    expect(await complete(desk, 'completion', '')).toEqual([]);
    expect(await complete(desk, 'nonsense', '')).not.toContain('archive');
  });

  it('offers the ids of sessions, and leaves out those that a shell would split', async () => {
    using desk = new Desk();
    for (const id of ['main', 'docs', 'two words', '$(reboot)']) {
      await desk.json('link', 'session', 'register', '--orp-session-id', id, '--label', 'L');
    }
    expect((await complete(desk, 'link', 'session', 'archive', '')).sort()).toEqual(['docs', 'main']);
    expect(await complete(desk, 'job', 'submit', '--orp-session-id', 'm')).toEqual(['main']);
  });

  it('offers live jobs and ideas, and nothing while the server does not answer', async () => {
    await using server = await RecordingServer.startNewest(({ path }) =>
      path.endsWith('/ideas')
        ? { body: { ok: true, ideas: [anIdea('ide_1'), anIdea('ide_2')], hasMore: false, ...PAGE } }
        : { body: { ok: true, jobs: [JOB], hasMore: false } },
    );
    using desk = new Desk();
    desk.signIn(server.url);
    expect(await complete(desk, 'job', 'show', '')).toEqual(['@last', '@running', 'job_1']);
    expect(await complete(desk, 'job', 'submit', '--idea-id', 'ide')).toEqual(['ide_1', 'ide_2']);
    desk.signIn('http://127.0.0.1:1');
    expect(await complete(desk, 'job', 'show', 'job')).toEqual([]);
  });

  it('works in bash', async () => {
    using desk = new Desk();
    const program = join(desk.home, 'bin', 'orp');
    desk.write(program, `#!/bin/sh\nexec ${process.execPath} ${MAIN} "$@"\n`);
    chmodSync(program, 0o700);
    const { stdout } = await desk.orp(['completion', 'bash']);
    const script = `${stdout}\nCOMP_WORDS=(orp link st); COMP_CWORD=2; _orp; echo "\${COMPREPLY[@]}"`;
    const env = { ...desk.env, PATH: `${join(desk.home, 'bin')}:${desk.env.PATH}` };
    expect(execFileSync('bash', ['-c', script], { env, cwd: desk.repo, encoding: 'utf8' })).toBe('status\n');
  });

  it.each(['zsh', 'fish'] as const)('prints a script that %s can read', async (name) => {
    using desk = new Desk();
    const { code, stdout } = await desk.orp(['completion', name]);
    expect(code).toBe(0);
    expect(stdout).toContain('orp __complete -- ');
    const checked = spawnSync(name, ['-n', '-c', stdout]);
    if (checked.error === undefined) expect(checked.status).toBe(0);
  });

  it('names the shells that it knows', async () => {
    using desk = new Desk();
    expect((await desk.orp(['completion', 'tcsh'])).error?.message).toContain('bash, zsh, fish');
  });
});
