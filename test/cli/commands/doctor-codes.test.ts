/** Every code of `orp link doctor`: when it appears, how severe it is, what the person reads, and what `--fix` does. */

import { chmodSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { rememberRoot } from '../../../cli/records/linked-roots.ts';
import { sessionFileName } from '../../../cli/records/sessions/sessions.ts';
import { type DoctorCode, REMEDIES } from '../../../cli/status/doctor/remedies.ts';
import { Desk } from '../desk.ts';
import { type Answer, RecordingServer } from '../recording-server.ts';

interface Row {
  severity?: 'error';
  /** True if `--fix` repairs the problem. */
  fix?: true;
  /** What the server answers to the request for the world. By default, the world of the link. */
  world?: Answer;
  /** Queued jobs of the account. */
  jobs?: readonly object[];
  /** Makes the problem, in a linked repository with one good session, on a machine that is signed in. */
  make: (desk: Desk) => unknown;
}

const session = (desk: Desk, id: string, fields: object = {}) => {
  const record = { orp_session_id: id, label: id, state: 'active', project_root: desk.repo };
  const known = { codex_session_id: `c-${id}`, ...fields };
  desk.write(join(desk.link, 'sessions', sessionFileName(id)), JSON.stringify({ ...record, ...known }));
};

const transcript = (desk: Desk, folder: string, id: string) =>
  desk.write(join(desk.home, '.codex', folder, `rollout-2026-04-01T10-00-00-${id}.jsonl`), '');

/** Enables the machine, with a Codex that runs this script. */
async function enable(desk: Desk, script?: string): Promise<void> {
  const program = join(desk.home, 'codex');
  if (script !== undefined) {
    desk.write(program, `#!/bin/sh\n${script}\n`);
    chmodSync(program, 0o700);
  }
  desk.env.CODEX_BIN = program;
  await desk.json('runner', 'enable');
}

const VERSION = '[ "$1" = --version ] && echo codex-cli';

const ROWS: Record<DoctorCode, Row> = {
  missing_git_repo: {
    severity: 'error',
    make: (desk) => rmSync(join(desk.repo, '.git'), { recursive: true }),
  },
  listed_but_not_linked: {
    make: async (desk) => {
      await rememberRoot(desk.env, desk.repo);
      rmSync(join(desk.link, 'project.json'));
    },
  },
  linked_but_not_listed: { fix: true, make: (desk) => rememberRoot(desk.env, '/srv/first') },
  invalid_project_link_record: {
    severity: 'error',
    make: (desk) => desk.write(join(desk.link, 'project.json'), '{"idea_id": " "}'),
  },
  invalid_sign_in_record: {
    make: (desk) => desk.write(join(desk.userFolder, 'remote-session.json'), '[]'),
  },
  sessions_without_project_link: { make: (desk) => rmSync(join(desk.link, 'project.json')) },
  project_root_mismatch: {
    fix: true,
    make: (desk) => desk.linkTo('ide_1', { project_root: '/gone/for/ever' }),
  },
  missing_hosted_auth: { make: (desk) => rmSync(join(desk.userFolder, 'remote-session.json')) },
  linked_email_mismatch: { make: (desk) => desk.linkTo('ide_1', { linked_email: 'noor@example.test' }) },
  linked_project_without_sessions: {
    make: (desk) => rmSync(join(desk.link, 'sessions'), { recursive: true }),
  },
  multiple_primary_sessions: {
    severity: 'error',
    fix: true,
    make: (desk) => session(desk, 'b', { primary: true }),
  },
  missing_primary_session: { fix: true, make: (desk) => session(desk, 'main') },
  invalid_session_link_record: {
    severity: 'error',
    fix: true,
    make: (desk) => desk.write(join(desk.link, 'sessions', 'torn.json'), '{"orp_sess'),
  },
  session_project_root_mismatch: {
    fix: true,
    make: (desk) => session(desk, 'b', { project_root: '/gone/for/ever' }),
  },
  unknown_agent: {
    make: (desk) => session(desk, 'b', { agent: 'unheard', agent_session_id: 'u-1' }),
  },
  missing_codex_session_id: { make: (desk) => session(desk, 'b', { codex_session_id: '' }) },
  duplicate_codex_session_id: { make: (desk) => session(desk, 'b', { codex_session_id: 'c-main' }) },
  stale_agent_session: {
    make: (desk) => {
      transcript(desk, 'sessions/2026/04/01', 'c-main');
      session(desk, 'b');
    },
  },
  archived_agent_session: {
    make: (desk) => {
      transcript(desk, 'sessions/2026/04/01', 'c-main');
      transcript(desk, 'archived_sessions', 'c-b');
      session(desk, 'b');
    },
  },
  archived_session_named_by_jobs: {
    jobs: [{ id: 'job_1', target: { orpSessionId: 'old' } }],
    make: (desk) => session(desk, 'old', { archived: true }),
  },
  invalid_runtime_record: { fix: true, make: (desk) => desk.write(join(desk.link, 'runtime.json'), 'x') },
  hosted_world_unavailable: {
    world: { status: 403, body: { error: 'This idea is not yours.', code: 'forbidden' } },
    make: () => undefined,
  },
  hosted_world_deleted: {
    world: { status: 404, body: { error: 'There is no idea ide_1.', code: 'not_found' } },
    make: () => undefined,
  },
  hosted_world_project_root_mismatch: {
    world: { body: { ok: true, world: { id: 'wor_1', projectRoot: '/srv/elsewhere' } } },
    make: () => undefined,
  },
  hosted_world_id_mismatch: {
    world: { body: { ok: true, world: { id: 'wor_2' } } },
    make: (desk) => desk.linkTo('ide_1', { world_id: 'wor_1' }),
  },
  desktop_records_differ: {
    make: (desk) =>
      desk.write(join(desk.repo, '.orp', 'project.json'), '{"hosted_link":{"idea_id":"ide_9"}}'),
  },
  folder_open_to_others: { fix: true, make: (desk) => chmodSync(desk.userFolder, 0o755) },
  path_not_accessible: {
    severity: 'error',
    fix: true,
    make: (desk) => chmodSync(join(desk.link, 'project.json'), 0o444),
  },
  agent_missing: { make: (desk) => enable(desk) },
  agent_too_old: { make: (desk) => enable(desk, `${VERSION} 0.2.0`) },
  agent_signed_out: { make: (desk) => enable(desk, `${VERSION} 0.171.0 || echo Not logged in >&2`) },
};

const AT = '2026-04-01T10:00:00.000Z';
const JOB = {
  kind: 'session.prompt',
  status: 'queued',
  priority: 0,
  attempt: 0,
  maxAttempts: 3,
  onLeaseLoss: 'hold',
  sessionFallback: 'primary',
  createdAt: AT,
  updatedAt: AT,
  expiresAt: '2026-04-08T10:00:00.000Z',
};

describe.each(Object.entries(ROWS) as [DoctorCode, Row][])('%s', (code, row) => {
  async function arranged() {
    const server = await RecordingServer.startNewest(({ path }) => {
      if (path.startsWith('/api/cli/runner/jobs')) {
        return {
          body: { ok: true, jobs: (row.jobs ?? []).map((job) => ({ ...JOB, ...job })), hasMore: false },
        };
      }
      return row.world ?? { body: { ok: true, world: { id: 'wor_1', ideaId: 'ide_1', status: 'active' } } };
    });
    const desk = new Desk();
    desk.signIn(server.url);
    desk.linkTo('ide_1');
    session(desk, 'main', { primary: true });
    const examine = async (...words: string[]) => {
      const { stdout, code: exit } = await desk.orp(['link', 'doctor', ...words, '--json']);
      return { ...(JSON.parse(stdout) as Document), exit };
    };
    return { server, desk, examine };
  }

  it(`appears only with its cause, is shown with a remedy, and --fix ${row.fix ? 'repairs it' : 'leaves it to the person'}`, async () => {
    const { server, desk, examine } = await arranged();
    await using _server = server;
    using _desk = desk;
    if (row.world === undefined) expect((await examine()).issues).toEqual([]);
    await row.make(desk);

    const before = await examine();
    const issue = before.issues.find((one) => one.code === code);
    expect(issue).toMatchObject({
      severity: row.severity ?? 'warning',
      fixable: false,
      fix: row.fix ?? false,
      remedy: REMEDIES[code],
    });
    const hasErrors = before.issues.some(({ severity }) => severity === 'error');
    expect(before.exit).toBe(hasErrors ? 1 : 0);
    expect((await examine('--strict')).exit).toBe(1);

    desk.isTerminal = true;
    const page = (await desk.orp(['link', 'doctor'])).stdout;
    desk.isTerminal = false;
    const sentence = `${row.severity === 'error' ? '✗' : '!'} ${issue?.message} (${code})\n`;
    expect(page).toContain(sentence);
    // A message with a command needs no further remedy.
    expect(page).toContain(issue?.message.includes(' Run `') ? sentence : `${sentence}  → ${REMEDIES[code]}`);

    const after = await examine('--fix');
    const repaired = after.repaired.filter((one) => one.code === code);
    expect(repaired).toHaveLength(row.fix ? 1 : 0);
    expect(after.issues.some((one) => one.code === code)).toBe(!row.fix);
    expect((await examine('--fix')).repaired).toEqual([]);
  });
});

interface Document {
  issues: { code: string; severity: string; message: string; remedy: string; fix: boolean; fixable: false }[];
  repaired: { code: string; message: string }[];
}
