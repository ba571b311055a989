/** A person's desk in a temporary folder: a repository, settings of their own, a fixed clock, and `orp` in this process. */

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PassThrough, Readable, Writable } from 'node:stream';
import { CliError } from '../../cli/base/exit.ts';
import { runProgram } from '../../cli/program.ts';
import { T0 } from '../support/clock.ts';

export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
  /** The error that `main` would print. */
  error: CliError | undefined;
}

export class Desk {
  readonly home = realpathSync(mkdtempSync(join(tmpdir(), 'orp-desk-')));
  readonly repo = join(this.home, 'repo');
  readonly link = join(this.repo, '.git', 'orp', 'link');
  readonly userFolder = join(this.home, 'config', 'orp');
  readonly env: NodeJS.ProcessEnv = {
    PATH: process.env.PATH,
    HOME: this.home,
    XDG_CONFIG_HOME: join(this.home, 'config'),
    XDG_STATE_HOME: join(this.home, 'state'),
    GIT_CONFIG_NOSYSTEM: '1',
    ORP_VERSION: '9.9.9',
    NO_COLOR: '1',
  };
  now = T0;
  /** True if what is printed goes to a terminal. */
  isTerminal = false;
  /** The folder of the commands. Default: the repository. */
  cwd: string | undefined;
  /** The width of the terminal. */
  columns: number | undefined;
  /** What a person at the terminal types, a line for each question; undefined: nobody sits there. */
  answers: string[] | undefined;

  constructor() {
    mkdirSync(this.repo);
    this.git('init', '-q', '-b', 'main');
  }

  /** Runs one command line. What it throws that is no expected error fails the test. */
  async orp(words: readonly string[], stdin = ''): Promise<Outcome> {
    const stdout = new Collector();
    const stderr = new Collector();
    const told = () => ({ stdout: stdout.text, stderr: stderr.text });
    const width = this.columns === undefined ? {} : { columns: this.columns };
    const person = this.answers === undefined ? undefined : seat(stderr, this.answers);
    try {
      const code = await runProgram(words, {
        env: this.env,
        cwd: this.cwd ?? this.repo,
        stdin: person ?? Readable.from([Buffer.from(stdin)]),
        stdout: Object.assign(stdout, { isTTY: this.isTerminal, ...width }),
        stderr: Object.assign(stderr, { isTTY: person !== undefined, ...width }),
        now: () => this.now,
      });
      return { code, ...told(), error: undefined };
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      return { code: error.exitCode, ...told(), error };
    }
  }

  /** Runs a command with `--json` that has to succeed, and returns its document. */
  async json(...words: readonly string[]): Promise<Record<string, unknown>> {
    const { code, stdout, error } = await this.orp([...words, '--json']);
    if (code !== 0) throw new Error(`orp ${words.join(' ')} ended with ${code}: ${error?.message}`);
    return JSON.parse(stdout);
  }

  git(...words: readonly string[]): string {
    return execFileSync('git', words, { cwd: this.repo, env: this.env, encoding: 'utf8', stdio: 'pipe' });
  }

  /** Signs in without asking anybody. */
  signIn(baseUrl: string, email = 'mira@example.test'): void {
    const session = { base_url: baseUrl, email, token: 'dvt_secret', user: null, pending_verification: null };
    this.write(join(this.userFolder, 'remote-session.json'), JSON.stringify(session));
  }

  /** Links the repository without asking anybody. */
  linkTo(ideaId: string, overrides: object = {}): void {
    const link = {
      schema_version: '1.0.0',
      idea_id: ideaId,
      project_root: this.repo,
      linked_at_utc: '2026-04-01T10:00:00Z',
      source: 'cli',
    };
    this.write(join(this.link, 'project.json'), JSON.stringify({ ...link, ...overrides }));
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(path, text);
  }

  read(path: string): string {
    return readFileSync(path, 'utf8');
  }

  readJson(path: string): Record<string, unknown> {
    return JSON.parse(this.read(path));
  }

  [Symbol.dispose](): void {
    rmSync(this.home, { recursive: true, force: true });
  }
}

/** A person who answers each question, and types Ctrl-D when the answers are used up. */
function seat(stderr: Collector, answers: readonly string[]) {
  const keys = Object.assign(new PassThrough(), { isTTY: true });
  const left = [...answers];
  stderr.onText = (text) => {
    if (/[\])?:] $/.test(text))
      setImmediate(() => keys.write(left.length > 0 ? `${left.shift()}\r` : '\u0004'));
  };
  return keys;
}

class Collector extends Writable {
  text = '';
  onText: (text: string) => void = () => undefined;

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    const text = chunk.toString('utf8');
    this.text += text;
    this.onText(text);
    done();
  }
}
