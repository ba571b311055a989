import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync } from 'node:fs';
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

/** Puts `orp` on the PATH of a shell, and links a session with the id `docs`. */
async function installOrp(desk: Desk): Promise<{ env: NodeJS.ProcessEnv }> {
  const program = join(desk.home, 'bin', 'orp');
  desk.write(program, `#!/bin/sh\nexec ${process.execPath} ${MAIN} "$@"\n`);
  chmodSync(program, 0o700);
  await desk.json('link', 'session', 'register', '--orp-session-id', 'docs', '--label', 'About docs');
  return { env: { ...desk.env, PATH: `${join(desk.home, 'bin')}:${desk.env.PATH}`, TERM: 'xterm' } };
}

describe('completion', () => {
  it('offers commands, subcommands and options', async () => {
    using desk = new Desk();
    expect(await complete(desk, 'ru')).toEqual(['runner']);
    expect(await complete(desk, 'link', 'session', 'a')).toEqual(['archive']);
    expect(await complete(desk, 'link', 'doctor', '--s')).toEqual(['--strict']);
    expect(await complete(desk, 'link', 'session', 'register', '--state', '')).toEqual(['active', 'closed']);
    expect(await complete(desk, 'completion', '')).toEqual(['bash', 'zsh', 'fish']);
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
    const { env } = await installOrp(desk);
    const { stdout } = await desk.orp(['completion', 'bash']);
    const script = `${stdout}\nCOMP_WORDS=(orp link session archive d); COMP_CWORD=4; _orp; echo "\${COMPREPLY[@]}"`;
    expect(execFileSync('bash', ['-c', script], { env, cwd: desk.repo, encoding: 'utf8' })).toBe('docs\n');
  });

  it('says what each word means, for shells that show it', async () => {
    await using server = await RecordingServer.startNewest(({ path }) =>
      path.endsWith('/ideas')
        ? { body: { ok: true, ideas: [anIdea('ide_1')], hasMore: false, ...PAGE } }
        : {
            body: {
              ok: true,
              jobs: [{ ...JOB, promptStart: 'Count\tthe\ngauges \u001b[31m' }],
              hasMore: false,
            },
          },
    );
    using desk = new Desk();
    desk.signIn(server.url);
    await desk.json('link', 'session', 'register', '--orp-session-id', 'main', '--label', 'About tides');
    const described = async (...words: string[]) =>
      (await desk.orp(['__complete', '--describe', '--', ...words])).stdout;
    expect(await described('job', 'show', 'job')).toBe('job_1\tqueued Count the gauges\n');
    expect(await described('idea', 'show', '')).toBe('ide_1\tTides\n');
    expect(await described('link', 'session', 'archive', '')).toBe('main\tAbout tides\n');
    expect(await described('link', 'doctor', '--str')).toBe('--strict\ttreat warnings as errors\n');
  });

  const hasShell = (name: string) => spawnSync(name, ['-c', 'true']).status === 0;
  for (const name of ['zsh', 'fish']) {
    if (!hasShell(name)) console.warn(`${name} is not installed: the test of its completion is skipped.`);
  }

  it.runIf(hasShell('zsh'))('works in zsh, sourced and as a file of fpath', async () => {
    using desk = new Desk();
    const { env } = await installOrp(desk);
    const ready = join(desk.home, 'ready.zsh');
    const typing = `
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z 'source ${ready}'
zpty -w -n z $'orp link session archive d\\t'
text=''
for i in {1..300}; do
  zpty -r -t z line && text+="$line"
  [[ "$text" == *'archive docs'* ]] && { print found; exit }
  sleep 0.1
done
print -r -- "$text"`;
    const start = 'autoload -Uz compinit; compinit -u -d $HOME/dump';
    const typedAfter = (lines: string) => {
      desk.write(ready, lines);
      return execFileSync('zsh', ['-f', '-c', typing], { env, cwd: desk.repo, encoding: 'utf8' }).trim();
    };
    expect(typedAfter(`${start}\neval "$(orp completion zsh)"\n`)).toBe('found');
    mkdirSync(join(desk.home, 'functions'));
    desk.write(join(desk.home, 'functions', '_orp'), (await desk.orp(['completion', 'zsh'])).stdout);
    expect(typedAfter(`fpath=($HOME/functions $fpath)\n${start}\n`)).toBe('found');
  });

  it.runIf(hasShell('fish'))(
    'works in fish, with descriptions, and offers files where a path is asked',
    async () => {
      using desk = new Desk();
      const { env } = await installOrp(desk);
      desk.write(join(desk.repo, 'prompt.md'), '');
      const ask = (line: string) =>
        execFileSync('fish', ['-c', `orp completion fish | source; complete -C${JSON.stringify(line)}`], {
          ...{ env, cwd: desk.repo, encoding: 'utf8' },
        });
      expect(ask('orp link session archive d')).toBe('docs\tAbout docs\n');
      expect(ask('orp job submit --file pro')).toContain('prompt.md');
    },
  );

  it('names the shells that it knows', async () => {
    using desk = new Desk();
    expect((await desk.orp(['completion', 'tcsh'])).error?.message).toContain('bash, zsh, fish');
  });
});
