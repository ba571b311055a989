import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { OwnerPolicy } from '../../../cli/policy/owner-policy.ts';
import { policyPath, readPolicyFile } from '../../../cli/policy/policy-file.ts';
import { rememberRoot } from '../../../cli/records/linked-roots.ts';
import { gatherSituation } from '../../../cli/status/runner-situation.ts';
import { Desk } from '../desk.ts';

function setPolicy(desk: Desk, policy: object | string): void {
  const text = typeof policy === 'string' ? policy : JSON.stringify({ schema_version: '1.0.0', ...policy });
  desk.write(policyPath(desk.env), text);
}

async function linkedDesk(): Promise<Desk> {
  const desk = new Desk();
  desk.signIn('http://127.0.0.1:1');
  desk.linkTo('ide_77');
  const words = '--orp-session-id main --label Main --codex-session-id c-1 --primary'.split(' ');
  await desk.json('link', 'session', 'register', ...words);
  return desk;
}

const job = { id: 'job_1', kind: 'session.prompt', createdBy: 'mira@example.test', prompt: 'Count.' };

describe('orp runner policy show and check', () => {
  it('without a file, everything of the owner may run', async () => {
    using desk = new Desk();
    expect(await desk.json('runner', 'policy', 'check')).toMatchObject({
      ok: true,
      exists: false,
      problems: [],
    });
    expect((await desk.orp(['runner', 'policy', 'show'])).stdout).toMatch(/accounts +your own account\n/);
  });

  it('shows one row a rule', async () => {
    using desk = new Desk();
    setPolicy(desk, {
      quiet_hours: [{ from: '22:00', to: '07:00', days: ['fri'] }],
      max_run_minutes: 30,
      sessions: [],
    });
    const { stdout, code } = await desk.orp(['runner', 'policy', 'show']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/quiet_hours +22:00 to 07:00 \(fri\)\n/);
    expect(stdout).toMatch(/max_run_minutes +30\n/);
    expect(stdout).toMatch(/sessions +nothing\n/);
    expect(stdout).toContain('policy.quiet_now=false\n');
  });

  it('says of a broken file what that means, and that nothing else is to be done than to repair it', async () => {
    using desk = new Desk();
    setPolicy(desk, '{');
    const { stdout } = await desk.orp(['runner', 'policy', 'check']);
    expect(stdout).toContain(
      'warning=The runner claims no jobs until the file is valid. It needs no restart then.\n',
    );
  });

  it.each(['show', 'check', 'test'])(
    'the help of %s says where the file is and how it ends',
    async (name) => {
      using desk = new Desk();
      const { stdout } = await desk.orp(['runner', 'policy', name, '--help']);
      expect(stdout).toContain('Exit codes:\n  0 ');
      expect((await desk.orp(['runner', 'policy', '--help'])).stdout).toContain('~/.config/orp/policy.json');
    },
  );

  it('shows each problem with its field', async () => {
    using desk = new Desk();
    setPolicy(desk, {
      confirm: 'sometimes',
      quiet_hours: [{ from: '25:00', to: '07:00' }],
      repos: [],
      max_run_minutes: 'ten',
    });
    const { code, stdout } = await desk.orp(['runner', 'policy', 'check', '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(stdout).problems).toEqual([
      { field: 'max_run_minutes', message: 'must be a number' },
      { field: 'quiet_hours[0].from', message: 'must be a time of day like 22:00' },
      { field: 'confirm', message: 'must be one of always, unknown-sender, never' },
      { field: 'repos', message: 'this version of orp has no such rule' },
    ]);
  });

  it('does not obey a file that every user may write', async () => {
    using desk = new Desk();
    setPolicy(desk, {});
    chmodSync(policyPath(desk.env), 0o666);
    expect(readPolicyFile(desk.env)).toMatchObject({
      kind: 'broken',
      problems: [{ field: '', message: expect.stringContaining('chmod go-w') }],
    });
  });

  it('ignores a path that is not a file', () => {
    using desk = new Desk();
    mkdirSync(policyPath(desk.env), { recursive: true });
    expect(readPolicyFile(desk.env)).toMatchObject({ kind: 'broken' });
  });

  it.each<[string, (desk: Desk) => void]>([
    ['the file is a symlink to nothing', ({ env }) => symlinkSync('/nowhere/policy.json', policyPath(env))],
    [
      'the folder is a symlink to nothing',
      ({ userFolder }) => {
        rmSync(userFolder, { recursive: true, force: true });
        symlinkSync('/nowhere/orp', userFolder);
      },
    ],
    [
      'the folder is a file',
      ({ userFolder }) => {
        rmSync(userFolder, { recursive: true, force: true });
        writeFileSync(userFolder, '');
      },
    ],
  ])('takes a policy that disappeared for no permission: %s', async (_, spoil) => {
    using desk = new Desk();
    mkdirSync(desk.userFolder, { recursive: true });
    spoil(desk);
    expect(readPolicyFile(desk.env)).toMatchObject({ kind: 'broken' });
    const situation = await gatherSituation({ env: desk.env, machineId: 'mach-1', now: desk.now });
    expect(situation.policy).toMatchObject({ exists: true, valid: false });
  });

  it('is absent without its folder, too', () => {
    using desk = new Desk();
    rmSync(desk.userFolder, { recursive: true, force: true });
    expect(readPolicyFile(desk.env)).toMatchObject({ kind: 'absent' });
  });

  it('follows symlinks in the paths of the rules, as far as they are fixed', () => {
    using desk = new Desk();
    symlinkSync(desk.home, join(desk.home, 'alias'));
    setPolicy(desk, { repositories: [`${desk.home}/alias/repo`, `${desk.home}/alias/*/x`] });
    expect(readPolicyFile(desk.env)).toMatchObject({
      policy: { repositories: [desk.repo, `${desk.home}/*/x`] },
    });
  });
});

describe('orp runner policy test', () => {
  it.each([
    [{}, job, 'run', '', 0],
    [{ job_kinds: ['idea.checkpoint'] }, job, 'refuse', 'job_kinds', 1],
    [{}, { ...job, createdBy: 'eve@example.test' }, 'refuse', 'accounts', 1],
    [{ confirm: 'always' }, { ok: true, job }, 'ask', 'confirm', 0],
    [{ quiet_hours: [{ from: '00:00', to: '24:00' }] }, job, 'wait', 'quiet_hours', 0],
    [{ nonsense: 1 }, job, 'wait', 'policy_file', 0],
  ])('under %j the job %j: %s by "%s"', async (...row) => {
    const [policy, document, decision, rule, code] = row;
    using desk = await linkedDesk();
    setPolicy(desk, policy);
    const end = await desk.orp(['runner', 'policy', 'test', '-', '--json'], JSON.stringify(document));
    expect(end.code).toBe(code);
    expect(JSON.parse(end.stdout)).toMatchObject({ decision, rule, job: { kind: 'session.prompt' } });
  });

  it('reads the job from a file and shows every rule in a table', async () => {
    using desk = await linkedDesk();
    desk.write(join(desk.repo, 'job.json'), JSON.stringify(job));
    const { stdout } = await desk.orp(['runner', 'policy', 'test', 'job.json']);
    expect(stdout).toContain('decision=run\n');
    expect(stdout).toMatch(/repositories +allow +every linked repository\n/);
  });

  it('places the job as a runner of all linked repositories would, and says what to do where it cannot', async () => {
    using desk = await linkedDesk();
    const elsewhere = join(desk.home, 'elsewhere');
    mkdirSync(elsewhere);
    await rememberRoot(desk.env, desk.repo);
    const test = (...words: string[]) =>
      desk.orp(['--repo-root', elsewhere, 'runner', 'policy', 'test', '-', ...words], JSON.stringify(job));
    expect((await test()).stdout).toMatch(/decision=refuse\n(.*\n)*next=.*--all-linked/);
    expect((await test('--all-linked')).stdout).toContain('decision=run\n');
  });

  it('says that no runner knows the kind, whatever the rules say', async () => {
    using desk = await linkedDesk();
    const { stdout, code } = await desk.orp(
      ['runner', 'policy', 'test', '-', '--json'],
      JSON.stringify({ ...job, kind: 'session.dance' }),
    );
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      decision: 'refuse',
      rule: 'unsupported_kind',
      why: expect.stringContaining('"session.dance"'),
    });
  });

  it('says what is wrong with the input', async () => {
    using desk = await linkedDesk();
    const refused = async (text: string) =>
      (await desk.orp(['runner', 'policy', 'test', '-'], text)).error?.message;
    expect(await refused('{')).toContain('is not JSON');
    expect(await refused('{"job": null}')).toBe('- contains no job.');
    expect((await desk.orp(['runner', 'policy', 'test', 'nowhere.json'])).error?.code).toBe('no_file');
  });
});

describe('quiet hours in a time zone', () => {
  it.each([
    ['Europe/Berlin', '2026-03-29T00:59:00Z', '1:59'],
    ['Europe/Berlin', '2026-03-29T01:00:00Z', '3:00'],
    ['Europe/Berlin', '2026-10-25T00:30:00Z', '2:30'],
    ['Europe/Berlin', '2026-10-25T01:30:00Z', '2:30'],
    ['Asia/Kolkata', '2026-03-29T18:30:00Z', '0:00'],
  ])('in %s, %s is %s on the wall', (zone, at, expected) => {
    const module = pathToFileURL(join(import.meta.dirname, '../../../cli/policy/owner-policy.ts')).href;
    const script = `import { wallTime } from '${module}';
      const { minute } = wallTime(Date.parse('${at}'));
      process.stdout.write(Math.floor(minute / 60) + ':' + String(minute % 60).padStart(2, '0'));`;
    const env = { ...process.env, TZ: zone };
    const words = ['--input-type=module', '-e', script];
    expect(execFileSync(process.execPath, words, { env, encoding: 'utf8' })).toBe(expected);
  });

  it('is noticed when the computer moves to another one while the runner goes on', () => {
    const module = pathToFileURL(join(import.meta.dirname, '../../../cli/policy/owner-policy.ts')).href;
    // A thread changes the zone of the process without a word to the main thread, as the system does.
    const script = `import { once } from 'node:events';
      import { SHARE_ENV, Worker } from 'node:worker_threads';
      import { wallTime } from '${module}';
      const hour = () => wallTime(0).minute / 60;
      const before = hour();
      await once(new Worker('process.env.TZ = "Asia/Tokyo"', { eval: true, env: SHARE_ENV }), 'exit');
      process.stdout.write(before + ' ' + hour());`;
    const env = { ...process.env, TZ: 'UTC' };
    const words = ['--input-type=module', '-e', script];
    expect(execFileSync(process.execPath, words, { env, encoding: 'utf8' })).toBe('0 9');
  });
});

describe('the desk', () => {
  it('refuses a folder that is named by a symlink', async () => {
    using desk = new Desk();
    symlinkSync('/etc', join(desk.home, 'alias'));
    setPolicy(desk, { repositories: [`${desk.home}/**`], accounts: ['*'] });
    const policy = new OwnerPolicy({ env: desk.env, now: () => desk.now });
    const at = {
      id: 'job_1',
      kind: 'session.prompt',
      sender: 'eve@example.test',
      prompt: '',
      sessions: ['main'],
    };
    const review = (cwd: string) =>
      policy.review({ ...at, repository: desk.repo, cwd }, { signal: new AbortController().signal });
    expect(await review(join(desk.home, 'alias'))).toMatchObject({ kind: 'refused', rule: 'repositories' });
    expect(await review(desk.repo)).toMatchObject({ kind: 'allowed' });
  });
});
