/** `npm run smoke` against a server: it passes as an operator and as a member, fails clearly, and leaves nothing behind. */

import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Hosted, startHosted, type TestUser } from '../support/hosted.ts';
import { runScript } from '../support/processes.ts';

let hosted: Hosted;

beforeAll(async () => {
  hosted = await startHosted();
});

afterAll(() => hosted.close());

async function smoke({ email, password }: Pick<TestUser, 'email' | 'password'>, url = hosted.url) {
  const env = { ...process.env, ORP_SMOKE_PASSWORD: password };
  const script = runScript('scripts/smoke.ts', ['--url', url, '--email', email], env);
  return { code: await script.ended, said: script.output() };
}

async function rowsOf(user: TestUser): Promise<Record<string, number>> {
  const count = (name: string, table: string, where: string) =>
    `(SELECT count(*) FROM ${table} WHERE user_id = u.id AND ${where}) AS ${name}`;
  const { results } = await hosted.database
    .prepare(
      `SELECT ${[
        count('ideas', 'ideas', 'true'),
        count('links', 'linked_projects', 'true'),
        count('tokens', 'device_tokens', 'revoked_at IS NULL'),
        count('machines', 'machines', 'true'),
        count('live', 'jobs', 'finished_at IS NULL'),
        count('completed', 'jobs', "status = 'completed'"),
      ].join(', ')} FROM users u WHERE id = ?`,
    )
    .bind(user.id)
    .all<Record<string, number>>();
  return results[0] ?? {};
}

it('passes twice as an operator, with one machine in the console and nothing left over', async () => {
  const user = await hosted.createUser('operator');
  for (const completed of [2, 4]) {
    const { code, said } = await smoke(user);
    expect({ code, said }).toMatchObject({ code: 0, said: expect.stringContaining('The smoke flow passed') });
    expect(said).toContain('ready, then timeout');
    expect(said).toContain('last completed ');
    expect(await rowsOf(user)).toEqual({ ideas: 0, links: 0, tokens: 0, machines: 1, live: 0, completed });
  }
});

it('passes as a member, and says that the console was not looked at', async () => {
  const user = await hosted.createUser();
  const { code, said } = await smoke(user);
  expect({ code, said }).toMatchObject({
    code: 0,
    said: expect.stringContaining('the account is no operator'),
  });
});

it('names what failed, and exits with 1', async () => {
  const user = await hosted.createUser();
  const wrong = await smoke({ ...user, password: 'wrong' });
  expect(wrong).toMatchObject({ code: 1, said: expect.stringContaining('password is wrong') });
  const nobody = await smoke(user, 'http://127.0.0.1:9');
  expect(nobody).toMatchObject({ code: 1, said: expect.stringContaining('does not answer') });
});
