import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JobTarget, SyncedProject, SyncedSession } from '../../spec/job/routing.ts';
import { routesFor } from '../../spec/job/routing.ts';
import type { QueueFacts, WaitingJob } from '../../spec/job/waiting.ts';
import { OFFLINE_AFTER_MS, whyWaiting } from '../../spec/job/waiting.ts';
import { T0 } from '../support/clock.ts';

const aSession = (overrides: Partial<SyncedSession> = {}): SyncedSession => ({
  orpSessionId: 'orp-main',
  codexSessionId: 'codex-main',
  label: 'Main',
  state: 'active',
  primary: true,
  ...overrides,
});

const aProject = (overrides: Partial<SyncedProject> = {}): SyncedProject => ({
  machineId: 'mac-a',
  projectRoot: '/srv/survey',
  ideaId: 'ide_1',
  worldId: 'wor_1',
  sessions: [aSession()],
  ...overrides,
});

const aTarget = (overrides: Partial<JobTarget> = {}): JobTarget => ({
  sessionFallback: 'primary',
  ...overrides,
});

describe('routing', () => {
  it('prefers the named session, then the primary one, then the first routeable one', () => {
    const second = aSession({ orpSessionId: 'orp-2', codexSessionId: 'codex-2', primary: false });
    const project = aProject({ sessions: [aSession(), second] });
    expect(routesFor(aTarget({ orpSessionId: 'orp-2' }), [project])[0]).toMatchObject({
      orpSessionId: 'orp-2',
      source: 'target_session',
    });
    expect(routesFor(aTarget({ codexSessionId: 'codex-2' }), [project])[0]).toMatchObject({
      orpSessionId: 'orp-2',
    });
    expect(routesFor(aTarget(), [project])[0]).toMatchObject({
      orpSessionId: 'orp-main',
      source: 'primary_session',
    });
    const closedPrimary = aProject({ sessions: [aSession({ state: 'closed' }), second] });
    expect(routesFor(aTarget(), [closedPrimary])[0]).toMatchObject({
      orpSessionId: 'orp-2',
      source: 'first_routeable_session',
    });
  });

  it.each([
    { name: 'missing', sessions: [aSession()], reason: 'missing_target_session' },
    {
      name: 'closed',
      sessions: [aSession(), aSession({ orpSessionId: 'orp-x', state: 'closed', primary: false })],
      reason: 'closed_target_session',
    },
    {
      name: 'without a Codex id',
      sessions: [aSession(), aSession({ orpSessionId: 'orp-x', codexSessionId: undefined, primary: false })],
      reason: 'target_session_missing_codex_session_id',
    },
  ])(
    'falls back to the primary session when the named one is $name, and says why',
    ({ sessions, reason }) => {
      const target = aTarget({ orpSessionId: 'orp-x' });
      expect(routesFor(target, [aProject({ sessions })])).toEqual([
        expect.objectContaining({
          source: 'primary_session_fallback',
          fallbackReason: reason,
          orpSessionId: 'orp-main',
        }),
      ]);
      expect(routesFor({ ...target, sessionFallback: 'none' }, [aProject({ sessions })])).toEqual([]);
    },
  );

  it('never falls back while some machine has the named session', () => {
    const other = aProject({ machineId: 'mac-b', sessions: [aSession({ orpSessionId: 'orp-x' })] });
    const routes = routesFor(aTarget({ orpSessionId: 'orp-x' }), [aProject(), other]);
    expect(routes.map((route) => route.machineId)).toEqual(['mac-b']);
  });

  it('needs every named value to match', () => {
    const field = fc.constantFrom('a', 'b');
    const optional = fc.option(field, { nil: undefined });
    fc.assert(
      fc.property(
        fc.record({ machineId: optional, ideaId: optional, projectRoot: optional }),
        fc.array(fc.record({ machineId: field, ideaId: field, projectRoot: field }), { maxLength: 5 }),
        (named, places) => {
          const routes = routesFor(
            aTarget(named),
            places.map((place) => aProject(place)),
          );
          for (const route of routes) {
            for (const key of ['machineId', 'ideaId', 'projectRoot'] as const) {
              if (named[key] !== undefined) expect(route[key]).toBe(named[key]);
            }
          }
        },
      ),
    );
  });
});

describe('why a job waits', () => {
  const job: WaitingJob = {
    ...{ kind: 'session.prompt', status: 'queued', createdAt: T0, availableAt: T0 },
    target: aTarget(),
  };
  const machine = {
    machineId: 'mac-a',
    name: 'workbench',
    lastSeenAt: T0,
    listening: false,
    draining: false,
  };
  const around: QueueFacts = { projects: [aProject()], machines: [machine], busySessions: new Map() };
  const code = (overrides: Partial<WaitingJob>, other: Partial<QueueFacts> = {}, now = T0) =>
    whyWaiting({ ...job, ...overrides }, { ...around, ...other }, now)?.code;

  const busyWith = (holder: { isLost: boolean }) => ({
    busySessions: new Map([['codex-main', { jobId: 'job_9', ...holder }]]),
  });

  const pausedUntil = (until: number | undefined) => ({
    ...machine,
    condition: { code: 'usage_limited' as const, message: 'Limit.', until, since: T0 },
  });

  it('names the paused machine that claims again first, and none while another one claims', () => {
    const other = { ...pausedUntil(T0 + 1000), machineId: 'mac-b', name: 'laptop' };
    const projects = [aProject(), aProject({ machineId: 'mac-b' })];
    const paused = [pausedUntil(undefined), other];
    expect(whyWaiting(job, { ...around, projects, machines: paused }, T0)?.message).toMatch(
      /^laptop has paused\. Limit\. It claims again at \d{4}-/,
    );
    expect(code({}, { projects, machines: [machine, other] })).toBe('next_poll');
    expect(code({}, { projects, machines: paused }, T0 + 1000)).toBe('next_poll');
  });

  it('has one code for every situation', () => {
    expect(code({})).toBe('next_poll');
    expect(code({ availableAt: T0 + 1 })).toBe('not_yet');
    expect(code({}, { projects: [] })).toBe('no_machine');
    expect(code({}, { projects: [aProject({ sessions: [] })] })).toBe('no_session');
    expect(code({ target: aTarget({ orpSessionId: 'orp-x', sessionFallback: 'none' }) })).toBe('no_session');
    expect(code({}, {}, T0 + OFFLINE_AFTER_MS)).toBe('machine_offline');
    expect(code({}, { machines: [{ ...machine, draining: true }] })).toBe('machine_draining');
    expect(code({}, busyWith({ isLost: false }))).toBe('session_busy');
    expect(code({}, busyWith({ isLost: true }))).toBe('session_held');
    expect(code({}, { machines: [pausedUntil(undefined)] })).toBe('machine_paused');
    expect(code({ status: 'dispatched' })).toBe('starting');
    expect(code({ status: 'dispatched', askingSince: T0 })).toBe('asking_at_machine');
    expect(code({ status: 'lost' })).toBe('lost');
  });

  it('distinguishes a machine that can be woken from one that was only seen', () => {
    const messageOf = (listening: boolean) =>
      whyWaiting(job, { ...around, machines: [{ ...machine, listening }] }, T0)?.message;
    expect(messageOf(true)).toBe('workbench is connected and claims it as soon as it is free.');
    expect(messageOf(false)).toMatch(/^workbench is not connected; .* Last seen \d{4}-\d\d-\d\d .* UTC\.$/);
  });

  it.each([
    { status: 'dispatched', name: 'Dispatched to workbench, which', other: 'Dispatched to a worker, which' },
    { status: 'lost', name: 'workbench stopped responding', other: 'Its worker stopped responding' },
  ] as const)('names who holds a $status job, if that is a machine', ({ status, name, other }) => {
    const messageOf = (machineId: string) => whyWaiting({ ...job, status, machineId }, around, T0)?.message;
    expect(messageOf('mac-a')).toMatch(new RegExp(`^${name} `));
    expect(messageOf('_agent-work')).toMatch(new RegExp(`^${other} `));
  });

  it('shows a listening machine as online however long it was silent', () => {
    expect(code({}, { machines: [{ ...machine, listening: true }] }, T0 + 99 * OFFLINE_AFTER_MS)).toBe(
      'next_poll',
    );
  });

  it.each(['running', 'completed', 'failed', 'cancelled'] as const)(
    'has nothing to say of a %s job',
    (status) => {
      expect(whyWaiting({ ...job, status }, around, T0)).toBeUndefined();
    },
  );

  it('asks a person to decide when only a lost job keeps the session, and names it', () => {
    const waiting = whyWaiting(job, { ...around, ...busyWith({ isLost: true }) }, T0);
    expect(waiting?.message).toMatch(/kept for job job_9.*person must decide.*cancel.*retry/);
  });

  it('is not busy with the job itself, which a machine claimed after the row was read', () => {
    const own = { ...job, id: 'job_9' };
    expect(whyWaiting(own, { ...around, ...busyWith({ isLost: false }) }, T0)?.code).toBe('next_poll');
  });

  it('names a running job before a lost one when either could free the session', () => {
    const projects = [
      aProject(),
      aProject({ machineId: 'mac-b', sessions: [aSession({ codexSessionId: 'codex-b' })] }),
    ];
    const machines = [machine, { ...machine, machineId: 'mac-b' }];
    const busySessions = new Map([
      ['codex-main', { jobId: 'job_8', isLost: true }],
      ['codex-b', { jobId: 'job_9', isLost: false }],
    ]);
    expect(whyWaiting(job, { projects, machines, busySessions }, T0)?.message).toContain(
      'busy with job job_9',
    );
  });

  it('says draining of a machine that is offline as well, and how to end it', () => {
    const machines = [{ ...machine, draining: true }];
    const waiting = whyWaiting(job, { ...around, machines }, T0 + OFFLINE_AFTER_MS);
    expect(waiting).toMatchObject({ code: 'machine_draining' });
    expect(waiting?.message).toContain('orp runner resume --machine-id mac-a');
  });

  it('says offline when a machine that may claim is only away', () => {
    const machines = [
      { ...machine, draining: true },
      { ...machine, machineId: 'mac-b', name: 'laptop' },
    ];
    const projects = [aProject(), aProject({ machineId: 'mac-b' })];
    expect(code({}, { machines, projects }, T0 + OFFLINE_AFTER_MS)).toBe('machine_offline');
  });

  it('names the machine and since when', () => {
    const waiting = whyWaiting(job, around, T0 + OFFLINE_AFTER_MS);
    expect(waiting?.message).toContain('workbench has been offline since 2026-04-01 10:00 UTC');
  });
});
