import { statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Desk } from '../desk.ts';
import { RecordingServer } from '../recording-server.ts';

interface Check {
  check: string;
  status: string;
  message: string;
  remedy: string;
}

const USER = { id: 'usr_1', email: 'mira@example.test', name: 'Mira' };
const answering = () => ({ body: { ok: true, user: USER, world: { id: 'wor_1' } } });

async function checksOf(desk: Desk): Promise<Check[]> {
  return JSON.parse((await desk.orp(['doctor', '--json'])).stdout).checks;
}

describe('orp doctor', () => {
  it('checks the server, the agent, the runner, the policy and the links, each with a remedy', async () => {
    await using server = await RecordingServer.startNewest(answering);
    using desk = new Desk();
    desk.signIn(server.url);
    const checks = await checksOf(desk);
    expect([...new Set(checks.map(({ check }) => check))]).toEqual([
      'orp',
      'server',
      'agent',
      'runner',
      'policy',
      'links',
    ]);
    expect(checks[1]?.message).toBe(`The server at ${server.url} answers; you are mira@example.test.`);
    for (const { status, remedy } of checks) expect(remedy === '').toBe(status === 'ok');
  });

  it('exits with 1 on errors, and names what to do', async () => {
    using desk = new Desk();
    desk.isTerminal = true;
    const { code, stdout } = await desk.orp(['doctor']);
    expect(code).toBe(1);
    expect(stdout).toContain('✗ You are not signed in.\n  → Run `orp auth login`.\n');
    expect(stdout).toContain('! This repository is not linked, so it gets no jobs.\n  → Run `orp setup`.\n');
  });

  it('reports a server that does not answer, an invalid policy and broken links', async () => {
    using desk = new Desk();
    desk.signIn('http://127.0.0.1:1');
    desk.write(join(desk.userFolder, 'policy.json'), '{');
    desk.write(join(desk.link, 'project.json'), '{');
    const errors = (await checksOf(desk)).filter(({ status }) => status === 'error');
    expect(errors.map(({ check }) => check)).toEqual(['server', 'policy', 'links']);
  });
});

describe('orp bugreport', () => {
  it('writes one private file without the token, the address and the home folder', async () => {
    await using server = await RecordingServer.startNewest(answering);
    using desk = new Desk();
    desk.signIn(server.url);
    desk.linkTo('ide_1');
    desk.env.GITHUB_TOKEN = 'ghp_0123456789abcdefghijklmnopqrstuvwxyz';
    desk.write(join(desk.userFolder, 'policy.json'), '{"sender": "ghp_0123456789abcdefghijklmnopqrstuvwxyz"');
    const { path } = await desk.json('bugreport', '--output', 'report.json');
    expect(path).toBe(join(desk.repo, 'report.json'));
    expect(statSync(String(path)).mode & 0o777).toBe(0o600);
    const text = desk.read(String(path));
    for (const secret of ['dvt_secret', 'mira@example.test', desk.home, 'ghp_0123']) {
      expect(text).not.toContain(secret);
    }
    expect(JSON.parse(text)).toMatchObject({
      platform: expect.stringContaining(process.platform),
      checks: expect.arrayContaining([expect.objectContaining({ check: 'server', status: 'ok' })]),
    });
  });
});
