/** What a sender reads when a job does not go where it was sent: it says what a claim will do, because it is made of its rules. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JobTarget, SyncedProject, SyncedSession } from '../../spec/job/routing.ts';
import { routesFor } from '../../spec/job/routing.ts';
import type { QueueFacts, WaitingJob } from '../../spec/job/waiting.ts';
import { whyWaiting } from '../../spec/job/waiting.ts';
import { T0 } from '../support/clock.ts';

const MAIN: SyncedSession = {
  orpSessionId: 'orp-main',
  codexSessionId: 'codex-main',
  label: 'Main',
  state: 'active',
  primary: true,
};

const aProject = (sessions: SyncedSession[] = [MAIN], other: Partial<SyncedProject> = {}): SyncedProject => ({
  machineId: 'mac-a',
  projectRoot: '/srv/survey',
  ideaId: 'ide_1',
  sessions,
  ...other,
});

const machineOf = (machineId: string, name: string) => ({
  ...{ machineId, name, lastSeenAt: T0, listening: true, draining: false },
});

function waitingFor(
  target: Partial<JobTarget>,
  projects: readonly SyncedProject[] = [aProject()],
  kind: WaitingJob['kind'] = 'session.prompt',
) {
  const around: QueueFacts = {
    projects,
    machines: [machineOf('mac-a', 'workbench'), machineOf('mac-b', 'laptop')],
    busySessions: new Map(),
  };
  const job: WaitingJob = {
    ...{ kind, status: 'queued', createdAt: T0, availableAt: T0 },
    target: { sessionFallback: 'primary', ...target },
  };
  return whyWaiting(job, around, T0);
}

const ADVICE = 'Use --session-fallback none to wait for it.';

describe('a job for a session that cannot take it', () => {
  it.each<[string, Partial<JobTarget>, string]>([
    ['is not synced', { orpSessionId: 'nope' }, 'No synced session is called nope'],
    ['has another Codex id', { codexSessionId: 'nope' }, 'No synced session has the Codex session id nope'],
    [
      'has one of the two ids only',
      { orpSessionId: 'orp-main', codexSessionId: 'nope' },
      'No synced session is called orp-main and has the Codex session id nope',
    ],
    ['is closed', { orpSessionId: 'orp-old' }, 'Session Old is closed'],
    ['has no Codex id', { orpSessionId: 'orp-new' }, 'Session New has no Codex session id'],
  ])('because it %s says which session will answer, and how to wait instead', (_, target, why) => {
    const old = { ...MAIN, orpSessionId: 'orp-old', label: 'Old', primary: false, state: 'closed' as const };
    const bare = {
      ...MAIN,
      orpSessionId: 'orp-new',
      label: 'New',
      primary: false,
      codexSessionId: undefined,
    };
    expect(waitingFor(target, [aProject([MAIN, old, bare])])?.note).toBe(
      `${why}; Main will answer. ${ADVICE}`,
    );
  });

  it('names the machine where several could answer', () => {
    const projects = [aProject(), aProject([{ ...MAIN, codexSessionId: 'c-b' }], { machineId: 'mac-b' })];
    expect(waitingFor({ orpSessionId: 'nope' }, projects)?.note).toBe(
      `No synced session is called nope; Main on workbench or Main on laptop will answer. ${ADVICE}`,
    );
  });

  it('is noted also while the job is not due', () => {
    const job: WaitingJob = {
      ...{ kind: 'session.prompt', status: 'queued', createdAt: T0, availableAt: T0 + 1 },
      target: { orpSessionId: 'nope', sessionFallback: 'primary' },
    };
    const around = { projects: [aProject()], machines: [], busySessions: new Map() };
    expect(whyWaiting(job, around, T0)).toMatchObject({
      code: 'not_yet',
      note: expect.stringMatching(/nope/),
    });
  });

  it('gives no advice about an option that a review does not have', () => {
    expect(waitingFor({ codexSessionId: 'nope' }, [aProject()], 'idea.checkpoint')?.note).toBe(
      'No synced session has the Codex session id nope; Main will answer.',
    );
  });

  it('waits for it when its sender wants no other', () => {
    const waiting = waitingFor({ orpSessionId: 'nope', sessionFallback: 'none' });
    expect(waiting).toMatchObject({ code: 'no_session', note: undefined });
    expect(waiting?.message).toMatch(/^No synced session is called nope\. The job waits for it:/);
  });
});

describe('a job for a repository that no machine has synced', () => {
  it.each<[Partial<JobTarget>, string]>([
    [{ projectRoot: '/srv/nope' }, 'No machine has linked and synced the repository /srv/nope.'],
    [{ ideaId: 'ide_9' }, 'No machine has linked and synced a repository of idea ide_9.'],
    [
      { machineId: 'mac-b', projectRoot: '/srv/survey' },
      'laptop has not linked and synced the repository /srv/survey.',
    ],
    [{ machineId: 'mac-z' }, 'Machine mac-z has not linked and synced a repository.'],
  ])('%j names it and says that the job waits', (target, sentence) => {
    const waiting = waitingFor(target);
    expect(waiting).toMatchObject({ code: 'no_machine', note: undefined });
    expect(waiting?.message).toContain(`${sentence} The job waits for one:`);
  });
});

it('a note is there exactly when another session than the named one would be handed the job', () => {
  const session = fc.record({
    orpSessionId: fc.constantFrom('orp-main', 'orp-2'),
    codexSessionId: fc.constantFrom(undefined, 'codex-main', 'codex-2'),
    label: fc.constantFrom('', 'Main'),
    state: fc.constantFrom('active' as const, 'closed' as const),
    primary: fc.boolean(),
  });
  const target = fc.record({
    orpSessionId: fc.constantFrom(undefined, 'orp-main', 'nope'),
    codexSessionId: fc.constantFrom(undefined, 'codex-2', 'nope'),
    machineId: fc.constantFrom(undefined, 'mac-a', 'mac-b'),
    sessionFallback: fc.constantFrom('primary' as const, 'none' as const),
  });
  fc.assert(
    fc.property(target, fc.array(fc.array(session, { maxLength: 3 }), { maxLength: 3 }), (wanted, lists) => {
      const projects = lists.map((sessions, at) =>
        aProject(sessions, { machineId: at === 0 ? 'mac-a' : 'mac-b', projectRoot: `/srv/${at}` }),
      );
      const isElsewhere = routesFor(wanted, projects).some((route) => route.fallbackReason !== undefined);
      expect(waitingFor(wanted, projects)?.note !== undefined).toBe(isElsewhere);
    }),
  );
});
