import { chmodSync, existsSync, mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Desk } from '../desk.ts';

/** A repository whose settings name a program, which leaves a mark when it is started. */
class Trap {
  readonly desk = new Desk();
  readonly mark = join(this.desk.home, 'ran');
  readonly program = join(this.desk.home, 'program');

  constructor() {
    this.script(this.program);
    writeFileSync(join(this.desk.repo, 'data.txt'), 'one\n');
    writeFileSync(join(this.desk.repo, '.gitattributes'), '*.txt filter=trap diff=trap\n');
    this.git('add', '.');
    this.git('commit', '-q', '-m', 'first');
    // A run that has ended makes the report look for the commit after it.
    const run = { last_run_id: 'r1', runs: { r1: 'orp/RUN.json' } };
    this.desk.write(join(this.desk.repo, 'orp', 'state.json'), JSON.stringify(run));
    this.desk.write(join(this.desk.repo, 'orp', 'RUN.json'), '{"ended_at_utc": "2026-04-01T10:00:00Z"}');
  }

  script(path: string): void {
    writeFileSync(path, `#!/bin/sh\ntouch ${this.mark}\ncat\n`);
    chmodSync(path, 0o755);
  }

  git(...words: string[]): void {
    this.desk.git('-c', 'user.name=Mira', '-c', 'user.email=mira@example.test', ...words);
  }

  /** Same size, another time: git has to look inside. */
  touchData(): void {
    writeFileSync(join(this.desk.repo, 'data.txt'), 'two\n');
    utimesSync(join(this.desk.repo, 'data.txt'), 1, 1);
  }

  [Symbol.dispose](): void {
    this.desk[Symbol.dispose]();
  }
}

/** Reads what it signs: git takes a signer that closes its input early for one that failed. */
const SIGN = `#!/bin/sh
cat >/dev/null
echo "[GNUPG:] SIG_CREATED " >&2
printf -- '-----BEGIN PGP SIGNATURE-----\\nx\\n-----END PGP SIGNATURE-----\\n'
`;

const TRAPS: [string, (trap: Trap) => void][] = [
  ['a file system monitor', (trap) => trap.git('config', 'core.fsmonitor', trap.program)],
  ['a clean filter', (trap) => trap.git('config', 'filter.trap.clean', trap.program)],
  ['a filter process', (trap) => trap.git('config', 'filter.trap.process', trap.program)],
  [
    'a required filter of a file that is included',
    (trap) => {
      const text = `[filter "trap"]\n\tclean = ${trap.program}\n\trequired = true\n`;
      writeFileSync(join(trap.desk.repo, '.git', 'more'), text);
      trap.git('config', 'include.path', 'more');
    },
  ],
  [
    'a filter with a name that is hard to switch off',
    (trap) => {
      writeFileSync(join(trap.desk.repo, '.gitattributes'), '*.txt filter=a=b\n');
      trap.git('config', 'filter.a=b.clean', trap.program);
    },
  ],
  ['a diff program', (trap) => trap.git('config', 'diff.external', trap.program)],
  ['a text conversion', (trap) => trap.git('config', 'diff.trap.textconv', trap.program)],
  ['a pager', (trap) => trap.git('config', 'core.pager', trap.program)],
  ['an alias in the place of a command', (trap) => trap.git('config', 'alias.status', `!${trap.program}`)],
  [
    'hooks',
    (trap) => {
      const hooks = join(trap.desk.repo, '.git', 'hooks');
      mkdirSync(hooks, { recursive: true });
      for (const name of ['post-index-change', 'reference-transaction', 'fsmonitor-watchman']) {
        trap.script(join(hooks, name));
      }
    },
  ],
  [
    'a check of signatures',
    (trap) => {
      const { desk, program } = trap;
      writeFileSync(join(desk.home, 'sign'), SIGN);
      chmodSync(join(desk.home, 'sign'), 0o755);
      const signing = ['-c', `gpg.program=${join(desk.home, 'sign')}`];
      trap.git(...signing, 'commit', '-q', '-S', '--allow-empty', '-m', 'checkpoint: signed');
      trap.git('config', 'gpg.program', program);
      trap.git('config', 'log.showSignature', 'true');
    },
  ],
  [
    'a transport that would fetch what is missing',
    (trap) => {
      trap.git('config', 'core.repositoryFormatVersion', '1');
      trap.git('config', 'extensions.partialClone', 'origin');
      trap.git('config', 'remote.origin.promisor', 'true');
      trap.git('config', 'remote.origin.url', `ext::${trap.program}`);
      trap.git('config', 'protocol.ext.allow', 'always');
      const { repo } = trap.desk;
      const tree = trap.desk.git('rev-parse', 'HEAD^{tree}').trim();
      rmSync(join(repo, '.git', 'objects', tree.slice(0, 2), tree.slice(2)), { force: true });
      trap.git('update-ref', 'refs/heads/other', 'HEAD');
    },
  ],
  [
    'programs for remotes and credentials',
    (trap) => {
      for (const name of ['core.sshCommand', 'core.gitProxy', 'core.askPass', 'core.alternateRefsCommand']) {
        trap.git('config', name, trap.program);
      }
      trap.git('config', 'remote.origin.url', 'ssh://host.example/x');
      trap.git('config', 'credential.helper', `!${trap.program}`);
    },
  ],
  [
    'settings of the work tree',
    (trap) => {
      const { repo } = trap.desk;
      trap.git('config', 'extensions.worktreeConfig', 'true');
      const text = `[core]\n\tfsmonitor = ${trap.program}\n[filter "trap"]\n\tclean = ${trap.program}\n`;
      writeFileSync(join(repo, '.git', 'config.worktree'), text);
    },
  ],
  [
    'a monitor of a submodule',
    (trap) => {
      const inner = join(trap.desk.home, 'inner');
      mkdirSync(inner);
      trap.git('init', '-q', inner);
      trap.git('-C', inner, 'commit', '-q', '--allow-empty', '-m', 'inner');
      trap.git('-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', inner, 'sub');
      trap.git('commit', '-q', '-m', 'sub');
      trap.git('-C', 'sub', 'config', 'core.fsmonitor', trap.program);
    },
  ],
];

describe('what the settings of a repository name is not executed', () => {
  it.each(TRAPS)('%s', async (_, set) => {
    using trap = new Trap();
    set(trap);
    rmSync(trap.mark, { force: true });
    trap.touchData();
    const commands = [
      ['link', 'status'],
      ['link', 'doctor'],
      ['runner', 'status'],
    ];
    for (const words of commands) {
      expect((await trap.desk.orp(words)).error).toBeUndefined();
      expect({ words, ran: existsSync(trap.mark) }).toEqual({ words, ran: false });
    }
  });

  it('a program called git in the current directory is not run', async () => {
    using trap = new Trap();
    const { desk } = trap;
    trap.script(join(desk.repo, 'git'));
    trap.git('config', 'include.path', 'more');
    const cwd = process.cwd();
    process.chdir(desk.repo);
    try {
      for (const path of [`.:${desk.env.PATH}`, `:${desk.env.PATH}`]) {
        desk.env.PATH = path;
        expect((await desk.orp(['link', 'status'])).error).toBeUndefined();
      }
      expect(existsSync(trap.mark)).toBe(false);
    } finally {
      process.chdir(cwd);
    }
  });

  it('and the report still says what changed, with filters that the person has set up in force', async () => {
    using trap = new Trap();
    trap.git('config', 'filter.trap.clean', 'cat');
    trap.touchData();
    expect(await trap.desk.json('link', 'status')).toMatchObject({
      governance: { git: { branch: 'main', dirty_paths: ['data.txt', 'orp/'] } },
    });
  });
});
