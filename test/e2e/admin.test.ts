/** An operator at a terminal: sees all machines and alerts, and cancels the jobs of an account in one run. */

import { afterAll, beforeAll, expect, it } from 'vitest';
import { orpJson, runOrp } from '../../scripts/local/orp-command.ts';
import { type Hosted, startHosted } from '../support/hosted.ts';
import { linkSession, makeWorkspace, type Workspace } from '../support/workspace.ts';

let hosted: Hosted;
let member: Workspace;
let operator: Workspace;

beforeAll(async () => {
  hosted = await startHosted();
  member = await makeWorkspace(hosted);
  operator = await makeWorkspace({ url: hosted.url, createUser: () => hosted.createUser('operator') });
  await linkSession(member, 'codex-session-1');
});

afterAll(async () => {
  member.remove();
  operator.remove();
  await hosted.close();
});

const admin = <Document>(...words: string[]) => orpJson<Document>(operator.orp, ['admin', ...words]);

it('a member is refused, with what to do', async () => {
  const { code, stderr } = await runOrp(member.orp, ['admin', 'machines']);
  expect(code).toBe(2);
  expect(stderr).toContain('Only an operator may do this.');
});

it('the operator sees the machine of the member, and its jobs end in one run', async () => {
  for (const prompt of ['one', 'two', 'three']) await orpJson(member.orp, ['job', 'submit', prompt]);
  const account = member.user.email;
  const { machines } = await admin<{ machines: { account: { email: string }; state: string }[] }>(
    'machines',
    '--account',
    account,
  );
  expect(machines).toMatchObject([{ account: { email: account }, state: 'online' }]);
  expect(await admin('alerts')).toMatchObject({ alerts: [] });

  const filter = ['--account', account, '--status', 'queued'];
  const { count } = await admin<{ count: number }>('bulk', 'cancel', ...filter);
  expect(count).toBe(3);
  const run = ['--name', 'wrong-prompts', '--count', String(count), '--reason', 'Wrong prompts.'];
  expect(await admin('bulk', 'cancel', ...filter, ...run)).toMatchObject({
    run: { state: 'completed', done: 3, skipped: 0 },
  });
  // The same order again orders nothing.
  expect(await admin('bulk', 'cancel', ...filter, ...run)).toMatchObject({ run: { done: 3 } });
  const { jobs } = await orpJson<{ jobs: { status: string; cancel?: { reason?: string; by?: string } }[] }>(
    member.orp,
    ['job', 'list'],
  );
  expect(jobs).toHaveLength(3);
  for (const job of jobs)
    expect(job).toMatchObject({
      status: 'cancelled',
      cancel: { reason: 'Wrong prompts.', by: operator.user.email },
    });
});
