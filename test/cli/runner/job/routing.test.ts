import { describe, expect, it } from 'vitest';
import type { ClaimedJob } from '../../../../cli/runner/job/claimed-job.ts';
import {
  type LocalRepository,
  type LocalSession,
  selectRepository,
  selectSession,
} from '../../../../cli/runner/job/routing.ts';

function aJob(overrides: Partial<ClaimedJob> = {}): ClaimedJob {
  return { id: 'job_1', kind: 'session.prompt', attempt: 1, prompt: 'Hi', ...overrides };
}

function aSession(id: string, overrides: Partial<LocalSession> = {}): LocalSession {
  return {
    orp_session_id: id,
    label: id,
    state: 'active',
    project_root: '/repo',
    archived: false,
    primary: false,
    codex_session_id: `codex-${id}`,
    ...overrides,
  };
}

function aRepository(
  root: string,
  overrides: Partial<LocalRepository['project']> = {},
  sessions: LocalSession[] = [],
) {
  return {
    root,
    project: { idea_id: 'ide_1', project_root: root, world_id: 'wor_1', ...overrides },
    sessions,
  };
}

describe('the choice of the repository', () => {
  const a = aRepository('/a', { idea_id: 'ide_a', world_id: 'wor_a' }, [aSession('s1', { archived: true })]);
  const b = aRepository('/b', { idea_id: 'ide_b', world_id: 'wor_b' }, [aSession('s2')]);

  it.each([
    [{ orpSessionId: 's1' }, '/a', 8, ['orp_session_id']],
    [{ codexSessionId: 'codex-s2' }, '/b', 6, ['codex_session_id']],
    [{ projectRoot: '/b' }, '/b', 4, ['project_root']],
    [{ worldId: 'wor_a' }, '/a', 2, ['world_id']],
    [{ ideaId: 'ide_b' }, '/b', 1, ['idea_id']],
    [
      { ideaId: 'ide_b', worldId: 'wor_b', orpSessionId: 's2' },
      '/b',
      11,
      ['orp_session_id', 'world_id', 'idea_id'],
    ],
  ] as const)('by %j', (...[job, root, score, fields]) => {
    const choice = selectRepository(aJob(job), [a, b], '/a');

    expect(choice.kind === 'chosen' && choice.repository.root).toBe(root);
    expect(choice.selection).toMatchObject({ source: 'job_target_match', score, matched_fields: fields });
  });

  it('goes to the earlier root on a tie', () => {
    const twins = [aRepository('/x'), aRepository('/y')];
    const choice = selectRepository(aJob({ ideaId: 'ide_1' }), twins, '/y');

    expect(choice.kind === 'chosen' && choice.repository.root).toBe('/x');
  });

  it('never falls on a repository that contradicts the job', () => {
    const choice = selectRepository(aJob({ orpSessionId: 's2', ideaId: 'ide_a' }), [b], '/b');

    expect(choice).toMatchObject({ kind: 'none', selection: { source: 'none', error: expect.any(String) } });
  });

  it('is the default root for a job that names nothing, else the first linked one', () => {
    expect(selectRepository(aJob(), [a, b], '/b').selection).toMatchObject({
      source: 'default_repo_root',
      score: 0,
    });
    expect(selectRepository(aJob(), [a, b], '/c').selection).toMatchObject({ source: 'first_linked_repo' });
    expect(selectRepository(aJob(), [], '/c').kind).toBe('none');
  });
});

describe('the choice of the session', () => {
  const primary = aSession('p', { primary: true });
  const other = aSession('o');

  it('is the one that the job names', () => {
    expect(selectSession(aJob({ orpSessionId: 'o' }), [primary, other])).toMatchObject({
      kind: 'chosen',
      codexSessionId: 'codex-o',
      selection: { source: 'explicit_orp_session_id', targeted: true },
    });
    expect(selectSession(aJob({ codexSessionId: 'codex-o' }), [primary, other])).toMatchObject({
      session: { orp_session_id: 'o' },
    });
  });

  it('shows the reason of the server if the server chose the session', () => {
    const job = aJob({ orpSessionId: 'p', codexSessionId: 'codex-p', choice: { source: 'primary_session' } });

    expect(selectSession(job, [primary, other])).toMatchObject({
      selection: { source: 'primary_session', targeted: false },
    });
  });

  it('never takes the Codex id of the job for a session that has none', () => {
    const bare = aSession('o', { codex_session_id: undefined });
    const job = aJob({ orpSessionId: 'o', codexSessionId: 'from-job' });
    expect(selectSession(job, [bare])).toMatchObject({
      kind: 'none',
      reason: 'target_session_missing_codex_session_id',
    });
    expect(selectSession({ ...job, sessionFallback: 'primary' }, [bare, primary])).toMatchObject({
      codexSessionId: primary.codex_session_id,
      selection: { fallback_reason: 'target_session_missing_codex_session_id' },
    });
  });

  it('is the primary one, else the first routeable one, when none is named', () => {
    expect(selectSession(aJob(), [primary, other])).toMatchObject({
      selection: { source: 'primary_session' },
    });
    const closed = { ...primary, state: 'closed' as const };
    expect(selectSession(aJob(), [closed, other])).toMatchObject({
      session: { orp_session_id: 'o' },
      selection: { source: 'first_routeable_session', targeted: false },
    });
  });

  it.each([
    ['missing_target_session', undefined],
    ['archived_target_session', aSession('o', { archived: true })],
    ['closed_target_session', aSession('o', { state: 'closed' })],
    ['target_session_missing_codex_session_id', aSession('o', { codex_session_id: undefined })],
  ])('falls back with the reason %s where the sender allows it', (reason, session) => {
    const job = aJob({ orpSessionId: 'o', sessionFallback: 'primary' });
    const sessions = session === undefined ? [primary] : [primary, session];

    expect(selectSession(job, sessions)).toMatchObject({
      session: { orp_session_id: 'p' },
      selection: {
        source: 'primary_session_fallback',
        fallback_reason: reason,
        requested_orp_session_id: 'o',
      },
    });
    expect(selectSession({ ...job, sessionFallback: 'none' }, sessions)).toMatchObject({
      kind: 'none',
      reason,
    });
  });

  it('does not replace a session that the sender named, unless it says that it may', () => {
    const job = aJob({ orpSessionId: 'gone', choice: { source: 'target_session' } });

    expect(selectSession(job, [primary])).toMatchObject({ kind: 'none', reason: 'missing_target_session' });
  });

  it('falls back for a service that neither chose nor says what the sender allows', () => {
    expect(selectSession(aJob({ orpSessionId: 'gone' }), [primary])).toMatchObject({
      session: { orp_session_id: 'p' },
      selection: { source: 'primary_session_fallback', fallback_reason: 'missing_target_session' },
    });
  });

  it('shows no Codex session id as the ORP session that was asked for', () => {
    const selections = [
      selectSession(aJob({ codexSessionId: 'codex-o' }), [primary, other]),
      selectSession(aJob({ codexSessionId: 'gone' }), [primary, other]),
    ].map((choice) => choice.kind === 'chosen' && choice.selection);

    expect(selections).toEqual([
      { source: 'explicit_orp_session_id', targeted: true },
      { source: 'primary_session_fallback', targeted: true, fallback_reason: 'missing_target_session' },
    ]);
  });

  it('does not put the prompt of one conversation into another that has its name now', () => {
    const job = aJob({ orpSessionId: 'o', codexSessionId: 'codex-before', sessionFallback: 'none' });

    expect(selectSession(job, [primary, other]).kind).toBe('none');
  });

  it('is none in a repository without a usable session', () => {
    expect(selectSession(aJob(), [{ ...primary, archived: true }])).toMatchObject({ kind: 'none' });
  });
});
