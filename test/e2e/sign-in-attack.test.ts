/** Somebody guesses passwords from the owner's own network: `orp` is let in again, because its device was signed in before. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { orpJson, runOrp } from '../../scripts/local/orp-command.ts';
import { type Hosted, startHosted, type TestUser } from '../support/hosted.ts';
import { makeWorkspace, type Workspace } from '../support/workspace.ts';

let hosted: Hosted;
let workspace: Workspace;
let stranger: TestUser;

beforeAll(async () => {
  hosted = await startHosted();
  workspace = await makeWorkspace(hosted);
  stranger = await hosted.createUser();
});

afterAll(async () => {
  workspace.remove();
  await hosted.close();
});

/** A try at a code, which costs the server no scrypt, under an address of the client's own choice. */
async function guess(email: string, address: string): Promise<Response> {
  return fetch(`${hosted.url}/api/auth/device-verify`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'cf-connecting-ip': address },
    body: JSON.stringify({ email, code: '000000' }),
  });
}

describe('wrong sign-ins', () => {
  it('are counted for the address of the socket, whatever address the client names', async () => {
    const statuses: number[] = [];
    for (let host = 1; host <= 11; host += 1)
      statuses.push((await guess(stranger.email, `203.0.113.${host}`)).status);
    expect(statuses).toEqual([...Array.from({ length: 10 }, () => 401), 429]);
  });

  it('do not hold up `orp auth login` on a machine that has signed in before, also after `orp auth logout`', async () => {
    const { user, orp } = workspace;
    await orpJson(orp, ['auth', 'logout']);
    for (let tries = 0; tries < 10; tries += 1) await guess(user.email, '203.0.113.1');
    const refused = await guess(user.email, '203.0.113.1');
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(600);

    const words = ['auth', 'login', '--email', user.email, '--password-stdin'];
    const signedIn = await orpJson<{ connected: boolean }>(orp, words, user.password);
    expect(signedIn.connected).toBe(true);

    const elsewhere = {
      ...orp,
      env: { ...orp.env, XDG_CONFIG_HOME: `${workspace.folder}/config-of-another-machine` },
    };
    const other = await runOrp(elsewhere, [...words, '--base-url', hosted.url], user.password);
    expect(other.code).toBe(2);
    expect(other.stderr).toContain('Too many failed sign-ins');
  });
});
