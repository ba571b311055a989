import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isOpenToOthers, policyPath, readPolicyFile } from '../../../cli/policy/policy-file.ts';
import { Desk } from '../desk.ts';

function read(desk: Desk, text: string) {
  desk.write(policyPath(desk.env), text);
  return readPolicyFile(desk.env);
}

const problem = (field: string, message: unknown) => ({ kind: 'broken', problems: [{ field, message }] });

describe('the policy file', () => {
  it.each([
    ['{"schema_version":"1.0.0","job_kinds":[],"job_kinds":["session.prompt"]}', 'job_kinds'],
    ['{"schema_version":"1.0.0","job_kinds":[],"job\\u005fkinds":["session.prompt"]}', 'job_kinds'],
    ['{"schema_version":"1.0.0","quiet_hours":[{"from":"22:00","to":"07:00","to":"22:01"}]}', 'to'],
  ])('that has a rule twice is not obeyed, whichever of the two was meant: %s', (text, field) => {
    using desk = new Desk();
    expect(read(desk, text)).toMatchObject(
      problem(field, 'it is written twice; nobody knows which one counts'),
    );
  });

  it('may have the same words as keys of several spans, and as values', () => {
    using desk = new Desk();
    const span = { from: '22:00', to: '07:00' };
    const text = JSON.stringify({
      schema_version: '1.0.0',
      sessions: ['to', 'a":"b'],
      quiet_hours: [span, span],
    });
    expect(read(desk, text)).toMatchObject({ kind: 'valid' });
  });

  it('may begin with the mark that some editors write', () => {
    using desk = new Desk();
    expect(read(desk, '\ufeff{"schema_version":"1.0.0","job_kinds":[]}')).toMatchObject({
      kind: 'valid',
      policy: { job_kinds: [] },
    });
  });

  it.each([
    [{ sessions: [' '] }, 'sessions[0]', 'must not be blank'],
    [{ max_run_minutes: 0 }, 'max_run_minutes', 'must be at least 1'],
    [{ max_run_minutes: 5000 }, 'max_run_minutes', 'must be at most 1440'],
    [{ max_run_minutes: 1.5 }, 'max_run_minutes', 'must be a whole number'],
    [
      { quiet_hours: [{ from: '22:00', to: '07:00', days: [] }] },
      'quiet_hours[0].days',
      'must have at least 1 entry',
    ],
    [
      { quiet_hours: [{ from: '24:00', to: '00:00' }] },
      'quiet_hours[0].to',
      expect.stringContaining('the same time'),
    ],
  ])('says in plain words what is wrong: %j', (rules, field, message) => {
    using desk = new Desk();
    expect(read(desk, JSON.stringify({ schema_version: '1.0.0', ...rules }))).toMatchObject(
      problem(field, message),
    );
  });

  it('that is a pipe holds nobody up', () => {
    using desk = new Desk();
    mkdirSync(desk.userFolder, { recursive: true });
    execFileSync('mkfifo', [policyPath(desk.env)]);
    expect(readPolicyFile(desk.env)).toMatchObject(problem('', expect.stringContaining('no ordinary file')));
  });

  it('does not count in a folder in which every user may put another one', () => {
    using desk = new Desk();
    desk.write(policyPath(desk.env), '{"schema_version":"1.0.0"}');
    chmodSync(dirname(policyPath(desk.env)), 0o777);
    expect(readPolicyFile(desk.env)).toMatchObject(problem('', expect.stringContaining('chmod go-w')));
  });

  it.each([
    ['linux', 0o100644, false],
    ['linux', 0o100664, false],
    ['linux', 0o100646, true],
    // The group of every user of a Mac is the same one.
    ['darwin', 0o100664, true],
    ['darwin', 0o100644, false],
  ] as const)('on %s with mode %o is open to others: %s', (platform, mode, expected) => {
    expect(isOpenToOthers(mode, platform)).toBe(expected);
  });
});
