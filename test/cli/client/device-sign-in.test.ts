/** Waiting for a person: the pace that the server asks for, outages, and the end. */

import { describe, expect, it } from 'vitest';
import { anonymousClient, type Client } from '../../../cli/client/client.ts';
import { startSignIn, waitForApproval } from '../../../cli/client/device-sign-in.ts';
import { Desk } from '../desk.ts';
import { type Answer, RecordingServer } from '../recording-server.ts';

const CODE = {
  ok: true as const,
  deviceCode: 'dvc_secret',
  userCode: 'WDJB-MJHT',
  verificationUri: 'https://orp.test/device',
  verificationUriComplete: 'https://orp.test/device?code=WDJB-MJHT',
  expiresIn: 600,
  interval: 5,
};
const TOKEN = { ok: true, token: 'dvt_new', user: { id: 'usr_1', email: 'mira@example.test', name: 'Mira' } };

const refusal = (code: string): Answer => ({
  status: 400,
  body: { error: 'A sentence.', code, requestId: 'req_1' },
});

/** A client whose pauses take no time, and what they would have taken. */
async function aClient(desk: Desk, server: RecordingServer): Promise<{ client: Client; seconds: number[] }> {
  const seconds: number[] = [];
  const client = await anonymousClient({ env: desk.env, baseUrl: server.url });
  return { client: { ...client, sleep: async (ms) => void seconds.push(ms / 1000) }, seconds };
}

describe('a terminal that waits for its approval', () => {
  it('asks at the interval, five seconds slower after each slow_down, over an outage, until it has a token', async () => {
    const answers: Answer[] = [
      refusal('authorization_pending'),
      refusal('slow_down'),
      { status: 502, body: '<html>' },
      refusal('authorization_pending'),
      refusal('slow_down'),
      { body: TOKEN },
    ];
    await using server = await RecordingServer.startNewest(() => answers.shift() ?? refusal('expired_token'));
    using desk = new Desk();
    const { client, seconds } = await aClient(desk, server);
    expect(await waitForApproval(client, CODE)).toMatchObject({ token: 'dvt_new' });
    expect(seconds).toEqual([5, 5, 10, 10, 10, 15]);
    expect(server.asked.every(({ body }) => JSON.stringify(body) === '{"deviceCode":"dvc_secret"}')).toBe(
      true,
    );
  });

  it.each(['access_denied', 'expired_token'])('ends at %s', async (code) => {
    await using server = await RecordingServer.startNewest(() => refusal(code));
    using desk = new Desk();
    const { client } = await aClient(desk, server);
    await expect(waitForApproval(client, CODE)).rejects.toMatchObject({ code });
    expect(server.asked).toHaveLength(1);
  });

  it('gives up when the code has expired, and never asks without a pause', async () => {
    await using server = await RecordingServer.startNewest(() => refusal('authorization_pending'));
    using desk = new Desk();
    const { client, seconds } = await aClient(desk, server);
    const code = { ...CODE, interval: 0, expiresIn: 10 };
    await expect(waitForApproval(client, code)).rejects.toMatchObject({ code: 'authorization_pending' });
    expect(seconds).toEqual(Array<number>(11).fill(1));
  });

  it('shows no page that is not on the web', async () => {
    await using server = await RecordingServer.startNewest(() => ({
      body: { ...CODE, verificationUriComplete: 'javascript:alert(1)' },
    }));
    using desk = new Desk();
    const { client } = await aClient(desk, server);
    await expect(startSignIn(client, 'study')).rejects.toMatchObject({ code: 'unexpected_answer' });
  });
});
