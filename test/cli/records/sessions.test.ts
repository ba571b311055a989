import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sessionFileName } from '../../../cli/records/sessions/sessions.ts';
import {
  choosePrimary,
  countSessions,
  isActive,
  sortSessions,
  withOnePrimary,
} from '../../../spec/local/session-order.ts';
import { Desk } from '../desk.ts';

describe('the file name of a session', () => {
  it.each([
    ['s/1 weird:id', 's_1_weird_id-b2f852913013.json'],
    ['  main  ', 'main-b28b7af69320.json'],
    ['../../etc/passwd', 'etc_passwd-'],
    ['…', 'session-'],
    ['-rf', 'rf-'],
  ])('%j becomes %s', (id, expected) => {
    expect(sessionFileName(id)).toContain(expected);
  });

  it('is one plain name, whatever the id', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (id) => {
        expect(sessionFileName(id)).toMatch(/^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?-[0-9a-f]{12}\.json$/);
      }),
    );
  });

  it('differs for ids that differ by more than white space around them', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (a, b) => {
        fc.pre(a.trim() !== b.trim());
        expect(sessionFileName(a)).not.toBe(sessionFileName(b));
      }),
    );
  });
});

describe('the order of sessions', () => {
  const session = fc.record({
    orp_session_id: fc.uuid(),
    label: fc.string({ maxLength: 4 }),
    state: fc.constantFrom('active' as const, 'closed' as const),
    last_active_at_utc: fc.constantFrom('2026-04-01T10:00:00Z', '2026-04-02T10:00:00Z'),
    archived: fc.boolean(),
    primary: fc.boolean(),
    codex_session_id: fc.constantFrom('', 'c-1'),
  });

  it('does not depend on the order in which they were read', () => {
    fc.assert(
      fc.property(fc.array(session), (sessions) => {
        expect(sortSessions([...sessions].reverse())).toEqual(sortSessions(sessions));
      }),
    );
  });

  it('one session is primary as soon as one is not archived, and an archived one never', () => {
    fc.assert(
      fc.property(fc.array(session), (sessions) => {
        const after = withOnePrimary(sessions);
        const open = sessions.filter((candidate) => !candidate.archived);
        expect(countSessions(after).primary).toBe(open.length === 0 ? 0 : 1);
        expect(after.some((candidate) => candidate.primary && candidate.archived)).toBe(false);
        expect(withOnePrimary(after)).toEqual(after);
      }),
    );
  });

  it('the only flagged session keeps the flag; without one, an active session gets it', () => {
    fc.assert(
      fc.property(fc.array(session), (sessions) => {
        const open = sessions.filter((candidate) => !candidate.archived);
        const flagged = open.filter((candidate) => candidate.primary);
        const chosen = choosePrimary(sessions);
        if (flagged.length === 1) expect(chosen).toBe(flagged[0]);
        if (flagged.length === 0 && open.some(isActive)) expect(chosen && isActive(chosen)).toBe(true);
      }),
    );
  });
});

describe('orp link session', () => {
  const register = (desk: Desk, id: string, ...more: string[]) =>
    desk.json('link', 'session', 'register', '--orp-session-id', id, '--label', `Label ${id}`, ...more);

  it('makes the first session primary, and another one on request', async () => {
    using desk = new Desk();
    expect(await register(desk, 'a')).toMatchObject({ created: true, session: { primary: true } });
    const second = await register(desk, 'b', '--primary', '--codex-session-id', 'c-b');
    expect(second).toMatchObject({
      session_path: `.git/orp/link/sessions/${sessionFileName('b')}`,
      primary_session: { orp_session_id: 'b' },
      session_counts: { total: 2, active: 2, archived: 0, routeable: 1, primary: 1 },
    });
    expect(await desk.json('link', 'session', 'show', 'a')).toMatchObject({ session: { primary: false } });
  });

  it('registering again opens a closed session and keeps everything else that is not told', async () => {
    using desk = new Desk();
    await register(desk, 'a', '--codex-session-id', 'c-1', '--role', 'review', '--state', 'closed');
    desk.now += 60_000;
    const { session, created } = await register(desk, 'a');
    expect(created).toBe(false);
    expect(session).toMatchObject({
      codex_session_id: 'c-1',
      role: 'review',
      state: 'active',
      created_at_utc: '2026-04-01T10:00:00Z',
      last_active_at_utc: '2026-04-01T10:00:00Z',
    });
    expect((await register(desk, 'a', '--state', 'closed')).session).toMatchObject({ state: 'closed' });
    const blanked = await register(desk, 'a', '--codex-session-id', '', '--role', '');
    expect(blanked.session).not.toHaveProperty('codex_session_id');
    expect(blanked.session).not.toHaveProperty('role');
  });

  it('archiving the primary session passes the flag on; taking it out does not take it back', async () => {
    using desk = new Desk();
    await register(desk, 'a');
    await register(desk, 'b');
    expect(await desk.json('link', 'session', 'archive', 'a')).toMatchObject({
      session: { archived: true, primary: false },
      primary_session: { orp_session_id: 'b' },
    });
    expect(await desk.json('link', 'session', 'unarchive', 'a')).toMatchObject({
      session: { archived: false, primary: false },
    });
    expect((await desk.orp(['link', 'session', 'archive', 'a'])).stdout).toBe(
      'archived=true\nsession.id=a\n',
    );
    expect((await desk.orp(['link', 'session', 'set-primary', 'a'])).error).toMatchObject({
      code: 'session_archived',
    });
  });

  it('removes the file of a session, and only that', async () => {
    using desk = new Desk();
    await register(desk, 'a');
    await register(desk, 'b');
    const document = await desk.json('link', 'session', 'remove', 'a');
    expect(document).toMatchObject({ removed: true, removed_session: { orp_session_id: 'a' } });
    expect(readdirSync(join(desk.link, 'sessions'))).toEqual([sessionFileName('b')]);
  });

  it('lists rows for people, and reports omitted files', async () => {
    using desk = new Desk();
    await register(desk, 'a', '--codex-session-id', 'c-1');
    desk.write(join(desk.link, 'sessions', 'broken.json'), '{"label": "no id"}');
    const { stdout, stderr } = await desk.orp(['link', 'session', 'list']);
    expect(stdout).toBe(`sessions.total=1
---
session.id=a
session.label=Label a
session.primary=true
session.archived=false
session.codex_session_id=c-1
session.path=.git/orp/link/sessions/${sessionFileName('a')}
`);
    expect(stderr).toContain('broken.json: it is not a valid session record');
    expect((await desk.orp(['link', 'doctor'])).code).toBe(1);
  });

  it.each([
    [['--orp-session-id', ' ', '--label', 'L'], '--orp-session-id is blank'],
    [['--orp-session-id', 'a', '--label', ''], '--label is blank'],
    [['--orp-session-id', 'a'.repeat(201), '--label', 'L'], 'more than 200 characters'],
    [
      ['--orp-session-id', 'a', '--label', 'L', '--window-id', '1'],
      '--window-id and --tab-number must be used together',
    ],
    [['--orp-session-id', 'a', '--label', 'L', '--codex-session-id', '--yolo'], 'is not a Codex session id'],
    [['--orp-session-id', 'a', '--label', 'L', '--codex-session-id', '../x'], 'is not a Codex session id'],
    [['--orp-session-id', 'a', '--label', 'L', '--created-at', 'soon'], 'is not a time'],
    [['--orp-session-id', 'a', '--label', 'L', '--project-root', '/'], 'is not the repository root'],
    [['--orp-session-id', 'a', '--label', 'L', '--state', 'open'], 'Allowed choices'],
    [
      ['--orp-session-id', 'a', '--label', 'L', '--role', 'boss'],
      'exploration, other; an empty value removes it.',
    ],
  ])('refuses %j and writes nothing', async (words, sentence) => {
    using desk = new Desk();
    const { code, error, stdout } = await desk.orp(['link', 'session', 'register', ...words]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(error?.message).toContain(sentence);
    expect(error?.hint).toBeTruthy();
    expect(() => readdirSync(join(desk.link, 'sessions'))).toThrow();
  });

  it('an unknown session and a folder without git are expected errors', async () => {
    using desk = new Desk();
    expect((await desk.orp(['link', 'session', 'show', 'x'])).error).toMatchObject({
      code: 'unknown_session',
    });
    const outside = ['--repo-root', desk.home, 'link', 'session', 'show', 'x'];
    expect((await desk.orp(outside)).error).toMatchObject({ code: 'no_git_repository' });
    const list = ['--repo-root', desk.home, 'link', 'session', 'list'];
    expect((await desk.orp(list)).stdout).toBe('sessions.total=0\n');
  });
});
