import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Policy } from '../../spec/local/policy.ts';
import { policySchema } from '../../spec/local/policy.ts';
import { matchesPath, matchesText } from '../../spec/policy/glob.ts';
import { decisionOf, judgeJob, type PolicyQuestion, standingVerdict } from '../../spec/policy/judge.ts';
import { minutesLeft, quietSpanAt } from '../../spec/policy/quiet-hours.ts';

const question: PolicyQuestion = {
  kind: 'session.prompt',
  sender: 'mira@example.org',
  owner: ['Mira@Example.org', 'usr_1'],
  repository: '/home/mira/code/tides',
  cwd: '/home/mira/code/tides',
  sessions: ['orp-main', 'codex-1'],
  at: { weekday: 3, minute: 12 * 60 },
};

function decide(policy: Partial<Policy>, overrides: Partial<PolicyQuestion> = {}): string {
  const outcomes = judgeJob({ schema_version: '1.0.0', ...policy }, { ...question, ...overrides });
  const decision = decisionOf(outcomes);
  return decision === undefined ? 'allow' : `${decision.outcome} ${decision.rule}`;
}

describe('a pattern of paths', () => {
  it.each([
    ['/home/mira/code/tides', '/home/mira/code/tides', true],
    ['/home/mira/code/tides/', '/home/mira/code/tides', true],
    ['/home/mira/code/*', '/home/mira/code/tides', true],
    ['/home/mira/code/*', '/home/mira/code/tides/inner', false],
    ['/home/mira/code', '/home/mira/code/tides', false],
    ['/home/mira/**', '/home/mira/code/tides', true],
    ['/home/mira/**', '/home/mira', true],
    ['/home/mira/**', '/home/miranda', false],
    ['/home/**/tides', '/home/tides', true],
    ['/home/**/tides', '/home/a/b/tides', true],
    ['/home/m?ra/c*e/tides', '/home/mira/code/tides', true],
    ['/', '/', true],
    ['/**', '/anything/at/all', true],
  ])('%s against %s: %s', (pattern, path, expected) => {
    expect(matchesPath(pattern, path)).toBe(expected);
  });

  it('matches itself and its expansions, and is never slow', () => {
    const name = fc.stringMatching(/^[a-z.]{1,8}$/);
    fc.assert(
      fc.property(fc.array(name, { minLength: 1, maxLength: 8 }), fc.nat(8), (names, at) => {
        const path = `/${names.join('/')}`;
        expect(matchesPath(path, path)).toBe(true);
        expect(matchesPath(`/${names.slice(0, at).join('/')}/**`, path)).toBe(true);
        expect(matchesPath(`${path}/x`, path)).toBe(false);
      }),
    );
    expect(matchesPath('/**/a'.repeat(60), '/a'.repeat(400))).toBe(true);
    expect(matchesText(`${'*a'.repeat(200)}b`, 'a'.repeat(1000))).toBe(false);
  });
});

it('a similar letter of another alphabet does not match the owner', () => {
  // The Kelvin sign, whose small letter is a k.
  const sender = '\u212aate@example.org';
  const asked = { sender, owner: ['kate@example.org'] };
  expect(decide({}, asked)).toBe('deny accounts');
  expect(decide({ accounts: ['owner', 'kate@*'] }, asked)).toBe('deny accounts');
  expect(decide({}, { ...asked, sender: 'KATE@Example.org' })).toBe('allow');
});

describe('a path that is not resolved', () => {
  it.each([
    '/home/mira/code/../x',
    '/home/mira/code/.',
    '/home//mira',
    'code/tides',
    '',
    '/home/mira/code/tides/',
  ])('%j fits no rule, as a repository or as a folder', (path) => {
    const policy = { repositories: ['/**'] };
    expect(decide(policy, { repository: path, cwd: path })).toBe('deny repositories');
    expect(decide(policy, { cwd: path })).toBe('deny repositories');
  });

  it('must lie in an allowed repository', () => {
    const policy = { repositories: [question.repository] };
    expect(decide(policy, { cwd: `${question.repository}/../../.ssh` })).toBe('deny repositories');
  });

  it('is the root all the same', () => {
    expect(decide({ repositories: ['/**'] }, { repository: '/', cwd: '/' })).toBe('allow');
  });
});

describe('a job under a policy', () => {
  it.each<[string, Partial<Policy>, Partial<PolicyQuestion>, string]>([
    ['an empty policy lets the owner in', {}, {}, 'allow'],
    ['the owner is known by id as well', {}, { sender: 'usr_1' }, 'allow'],
    ['a service that names no sender is the own account', {}, { sender: undefined }, 'allow'],
    ['a foreign sender needs a rule', {}, { sender: 'eve@example.org' }, 'deny accounts'],
    ['a rule lets it in', { accounts: ['owner', 'Eve@example.org'] }, { sender: 'eve@example.org' }, 'allow'],
    ['a pattern lets it in', { accounts: ['*@example.org'] }, { sender: 'eve@example.org' }, 'allow'],
    ['owner stands for the owner', { accounts: ['owner'] }, {}, 'allow'],
    ['a list without the owner keeps the owner out', { accounts: ['eve@example.org'] }, {}, 'deny accounts'],
    ['a list keeps the nameless out', { accounts: ['*'] }, { sender: undefined }, 'deny accounts'],
    ['an empty list allows nothing', { job_kinds: [] }, {}, 'deny job_kinds'],
    ['a kind may run', { job_kinds: ['session.prompt'] }, {}, 'allow'],
    ['another kind may not', { job_kinds: ['idea.checkpoint'] }, {}, 'deny job_kinds'],
    ['a repository may be used', { repositories: ['/home/mira/code/*'] }, {}, 'allow'],
    ['another may not', { repositories: ['/srv/**'] }, {}, 'deny repositories'],
    [
      'a folder inside the repository may be used',
      { repositories: ['/home/mira/code/tides'] },
      { cwd: '/home/mira/code/tides/app' },
      'allow',
    ],
    [
      'a session cannot leave its repository',
      { repositories: ['/home/mira/code/tides'] },
      { cwd: '/etc' },
      'deny repositories',
    ],
    [
      'nor by a name that begins alike',
      { repositories: ['/home/mira/code/tides'] },
      { cwd: '/home/mira/code/tides2' },
      'deny repositories',
    ],
    [
      'unless that folder is allowed, too',
      { repositories: ['/home/mira/**'] },
      { cwd: '/home/mira/code/tides2' },
      'allow',
    ],
    ['a session is known by its own id', { sessions: ['orp-*'] }, {}, 'allow'],
    ['and by the id of the agent', { sessions: ['codex-1'] }, {}, 'allow'],
    ['another session may not', { sessions: ['orp-review'] }, {}, 'deny sessions'],
    ['quiet hours make it wait', { quiet_hours: [{ from: '11:00', to: '13:00' }] }, {}, 'wait quiet_hours'],
    [
      'a refusal comes before a wait',
      { job_kinds: [], quiet_hours: [{ from: '11:00', to: '13:00' }] },
      {},
      'deny job_kinds',
    ],
    ['a person is asked', { confirm: 'always' }, {}, 'ask confirm'],
    ['but not about the owner', { confirm: 'unknown-sender' }, {}, 'allow'],
    ['about a nameless sender', { confirm: 'unknown-sender' }, { sender: undefined }, 'ask confirm'],
    [
      'a named account is known',
      { confirm: 'unknown-sender', accounts: ['eve@example.org'] },
      { sender: 'eve@example.org' },
      'allow',
    ],
    [
      'one that only fits a pattern is not',
      { confirm: 'unknown-sender', accounts: ['*'] },
      { sender: 'eve@example.org' },
      'ask confirm',
    ],
  ])('%s', (...row) => {
    const [, policy, overrides, expected] = row;
    expect(decide(policy, overrides)).toBe(expected);
  });

  it('a rule more never allows more', () => {
    const list = <T>(...values: T[]) => fc.option(fc.subarray(values), { nil: undefined });
    const rules = fc.record({
      job_kinds: list<'session.prompt' | 'idea.checkpoint'>('session.prompt', 'idea.checkpoint'),
      repositories: list('/home/mira/code/*', '/srv/**'),
      sessions: list('orp-*', 'other'),
    });
    fc.assert(
      fc.property(rules, ({ job_kinds, repositories, sessions }) => {
        const all = decide({
          ...(job_kinds && { job_kinds }),
          ...(repositories && { repositories }),
          ...(sessions && { sessions }),
        });
        const each = [
          decide({ ...(job_kinds && { job_kinds }) }),
          decide({ ...(repositories && { repositories }) }),
          decide({ ...(sessions && { sessions }) }),
        ];
        expect(all === 'allow').toBe(each.every((one) => one === 'allow'));
      }),
    );
  });
});

describe('quiet hours', () => {
  const at = (weekday: number, clock: string) => {
    const [hours = 0, minutes = 0] = clock.split(':').map(Number);
    return { weekday, minute: hours * 60 + minutes };
  };

  it.each([
    ['22:00', '07:00', undefined, 3, '21:59', false],
    ['22:00', '07:00', undefined, 3, '22:00', true],
    ['22:00', '07:00', undefined, 4, '06:59', true],
    ['22:00', '07:00', undefined, 4, '07:00', false],
    ['22:00', '07:00', ['sat'], 6, '23:00', true],
    ['22:00', '07:00', ['sat'], 0, '03:00', true],
    ['22:00', '07:00', ['sat'], 6, '03:00', false],
    ['22:00', '07:00', ['sat'], 0, '23:00', false],
    ['00:00', '24:00', ['sun'], 0, '00:00', true],
    ['00:00', '24:00', ['sun'], 0, '23:59', true],
    ['00:00', '24:00', ['sun'], 1, '00:00', false],
  ] as const)('%s to %s on %j: day %i at %s is quiet: %s', (...row) => {
    const [from, to, days, weekday, clock, expected] = row;
    const span = { from, to, ...(days && { days: [...days] }) };
    expect(quietSpanAt([span], at(weekday, clock)) !== undefined).toBe(expected);
  });
});

describe('the schema of the policy', () => {
  it.each([
    [{ schema_version: '1.0.0', repositories: ['code'] }, 'repositories.0'],
    [{ schema_version: '1.0.0', repos: [] }, ''],
    [{ schema_version: '1.0.0', codex_sandbox: 'full' }, 'codex_sandbox'],
    [{ schema_version: '1.0.0', quiet_hours: [{ from: '7', to: '08:00' }] }, 'quiet_hours.0.from'],
    [{ schema_version: '1.0.0', quiet_hours: [{ from: '07:00', to: '07:00' }] }, 'quiet_hours.0.to'],
    [{ schema_version: '1.0.0', max_run_minutes: 0 }, 'max_run_minutes'],
    [{}, 'schema_version'],
  ])('%j is refused at %s', (value, path) => {
    const parsed = policySchema.safeParse(value);
    expect(parsed.error?.issues.map((issue) => issue.path.join('.'))).toEqual([path]);
  });
});

describe('the verdict at any time of day', () => {
  it.each<[string, Partial<Policy>, object]>([
    ['without rules', {}, { outcome: 'allow' }],
    [
      'in quiet hours, which only delay a job',
      { quiet_hours: [{ from: '00:00', to: '24:00' }] },
      { outcome: 'allow' },
    ],
    ['when a person is asked', { confirm: 'always' }, { outcome: 'ask', rule: 'confirm' }],
    ['when a rule forbids it', { confirm: 'always', sessions: [] }, { outcome: 'deny', rule: 'sessions' }],
  ])('%s', (_, policy, expected) => {
    expect(standingVerdict({ schema_version: '1.0.0', ...policy }, question)).toEqual(expected);
  });
});

describe('the end of quiet hours', () => {
  it.each([
    { from: '22:00', to: '07:00', minute: 23 * 60, left: 8 * 60 },
    { from: '22:00', to: '07:00', minute: 6 * 60 + 59, left: 1 },
    { from: '09:00', to: '12:00', minute: 9 * 60, left: 3 * 60 },
    { from: '00:00', to: '24:00', minute: 0, left: 24 * 60 },
  ])('of $from to $to at minute $minute comes in $left minutes', ({ from, to, minute, left }) => {
    expect(minutesLeft({ from, to }, { weekday: 3, minute })).toBe(left);
  });
});
