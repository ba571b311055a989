import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, renameSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { reachOfOthers } from '../../../cli/files/private-folder.ts';
import { policyPath, readPolicyFile } from '../../../cli/policy/policy-file.ts';
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
      problem(field, 'it is written twice; it is unclear which one applies'),
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
      'needs at least 1 entry',
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
    expect(readPolicyFile(desk.env)).toMatchObject(
      problem('', expect.stringContaining('not a regular file')),
    );
  });

  it('does not count in a folder in which every user may put another one', () => {
    using desk = new Desk();
    desk.write(policyPath(desk.env), '{"schema_version":"1.0.0"}');
    chmodSync(dirname(policyPath(desk.env)), 0o777);
    expect(readPolicyFile(desk.env)).toMatchObject(problem('', expect.stringContaining('chmod go-w')));
  });

  it('that is not there is not taken for a permission where every user may have taken it away', () => {
    using desk = new Desk();
    expect(readPolicyFile(desk.env)).toMatchObject({ kind: 'absent' });
    mkdirSync(desk.userFolder, { recursive: true, mode: 0o700 });
    expect(readPolicyFile(desk.env)).toMatchObject({ kind: 'absent' });
    chmodSync(desk.userFolder, 0o777);
    expect(readPolicyFile(desk.env)).toMatchObject(problem('', expect.stringContaining('chmod go-w')));
  });

  it('does not count, and is not taken for absent, where every user may move its folder away', () => {
    using desk = new Desk();
    const above = dirname(desk.userFolder);
    desk.write(policyPath(desk.env), '{"schema_version":"1.0.0"}');
    chmodSync(above, 0o1777);
    expect(readPolicyFile(desk.env)).toMatchObject({ kind: 'valid' });
    chmodSync(above, 0o777);
    const danger = problem('', expect.stringContaining(`chmod go-w ${above}\``));
    expect(readPolicyFile(desk.env)).toMatchObject(danger);
    renameSync(desk.userFolder, join(above, 'elsewhere'));
    expect(readPolicyFile(desk.env)).toMatchObject(danger);
  });

  it('does not count behind a symlink into a folder in which every user may put another one', () => {
    using desk = new Desk();
    const shared = join(desk.home, "mira's $(shared)");
    const target = join(shared, 'policy.json');
    desk.write(target, '{"schema_version":"1.0.0"}');
    mkdirSync(desk.userFolder, { recursive: true });
    symlinkSync(target, policyPath(desk.env));
    expect(readPolicyFile(desk.env)).toMatchObject({ kind: 'valid' });
    // Sticky: nobody takes away what is another's.
    chmodSync(shared, 0o1777);
    expect(readPolicyFile(desk.env)).toMatchObject({ kind: 'valid' });
    chmodSync(shared, 0o777);
    // The command can be pasted as it is.
    const command = `chmod go-w '${desk.home}/mira'\\''s $(shared)'`;
    expect(readPolicyFile(desk.env)).toMatchObject(problem('', expect.stringContaining(`\`${command}\``)));
  });

  it.runIf(process.getuid?.() === 0)('does not count when it is the file of another user', () => {
    using desk = new Desk();
    desk.write(policyPath(desk.env), '{"schema_version":"1.0.0"}');
    chownSync(policyPath(desk.env), 4242, 4242);
    expect(readPolicyFile(desk.env)).toMatchObject(problem('', expect.stringContaining('(uid 4242)')));
  });

  it.each([
    ['linux', 501, 0o100644, undefined],
    ['linux', 501, 0o100664, undefined],
    ['linux', 501, 0o100646, 'mode'],
    // Root may write anywhere, and hands out policies on managed computers.
    ['linux', 0, 0o100644, undefined],
    ['linux', 0, 0o100646, 'mode'],
    ['linux', 502, 0o100600, 'owner'],
    // The group of every user of a Mac is the same one.
    ['darwin', 501, 0o100664, 'mode'],
    ['darwin', 501, 0o100644, undefined],
    ['darwin', 502, 0o100644, 'owner'],
  ] as const)('on %s for user 501, the file of user %i with mode %o is open to others by: %s', (...row) => {
    const [platform, uid, mode, expected] = row;
    expect(reachOfOthers({ uid, mode }, { uid: 501, platform })).toBe(expected);
  });

  it('has no owner to look at where the system has none', () => {
    expect(reachOfOthers({ uid: 0, mode: 0o100644 }, { uid: undefined, platform: 'win32' })).toBeUndefined();
    expect(reachOfOthers({ uid: 7, mode: 0o100644 }, { uid: undefined, platform: 'win32' })).toBeUndefined();
  });

  it('of a user is not the one of root', () => {
    expect(reachOfOthers({ uid: 501, mode: 0o100644 }, { uid: 0, platform: 'linux' })).toBe('owner');
  });
});
