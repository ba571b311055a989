/** A person signs a terminal in with a browser: the real server, the real pages, and `orp`. */

import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Desk } from '../cli/desk.ts';
import { type Hosted, startHosted, type TestUser } from '../support/hosted.ts';

let hosted: Hosted;
beforeAll(async () => {
  hosted = await startHosted();
});
afterAll(() => hosted.close());

/** Sends a form as a browser does. */
function post(path: string, fields: Record<string, string>, cookie = ''): Promise<Response> {
  return fetch(`${hosted.url}${path}`, {
    method: 'POST',
    redirect: 'manual',
    headers: { Origin: hosted.url, Cookie: cookie },
    body: new URLSearchParams(fields),
  });
}

async function browserOf({ email, password }: TestUser): Promise<string> {
  const { headers } = await post('/login', { email, password });
  return (headers.get('set-cookie') ?? '').split(';')[0] ?? '';
}

/** The code that the terminal shows. */
async function shownCode(): Promise<string> {
  for (;;) {
    const { results } = await hosted.database
      .prepare('SELECT user_code AS code FROM device_requests WHERE decision IS NULL')
      .all<{ code: string }>();
    const [request] = results;
    if (request !== undefined) return request.code;
    await new Promise((later) => setTimeout(later, 50));
  }
}

it.each([
  { button: 'approve', code: 0 },
  { button: 'deny', code: 2 },
])('$button on the page ends the waiting of the terminal with $code', async ({ button, code }) => {
  const person = await hosted.createUser();
  using desk = Object.assign(new Desk(), { isTerminal: true, answers: [] });
  const login = desk.orp(['auth', 'login', '--base-url', hosted.url]);
  const typed = await shownCode();
  const cookie = await browserOf(person);
  const page = await fetch(`${hosted.url}/device?code=${typed}`, { headers: { Cookie: cookie } });
  expect(await page.text()).toContain(typed.slice(0, 4));
  expect((await post(`/device/${button}`, { code: typed }, cookie)).status).toBe(303);

  const done = await login;
  expect({ code: done.code, stderr: done.stderr }).toEqual({
    code,
    stderr: expect.stringContaining(`/device?code=${typed.slice(0, 4)}-${typed.slice(4)}`),
  });
  if (button === 'deny') {
    expect(done.error?.code).toBe('access_denied');
    return;
  }
  const { token } = desk.readJson(join(desk.userFolder, 'remote-session.json'));
  expect(token).toMatch(/^dvt_/);
  desk.isTerminal = false;
  expect((await desk.orp(['whoami'])).stdout).toContain(`email=${person.email}`);
  expect((await desk.orp(['auth', 'token', 'list'])).stdout).toMatch(
    /token\.kind=cli\n.*\n.*\ntoken\.is_this=true/,
  );
  using other = new Desk();
  Object.assign(other.env, { ORP_TOKEN: String(token), ORP_BASE_URL: hosted.url });
  expect((await other.orp(['whoami'])).stdout).toContain(`email=${person.email}`);
});
