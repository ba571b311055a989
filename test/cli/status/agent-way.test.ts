import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Desk } from '../desk.ts';

/** A Codex of this version, as npm installs it. It is never started. */
function installCodex(desk: Desk, version: string): void {
  const home = join(desk.home, 'package');
  const bin = join(home, 'bin', 'codex.js');
  mkdirSync(dirname(bin), { recursive: true });
  writeFileSync(join(home, 'package.json'), JSON.stringify({ name: '@openai/codex', version }));
  writeFileSync(bin, '#!/bin/sh\nexit 70\n');
  chmodSync(bin, 0o755);
  desk.env.CODEX_BIN = bin;
}

async function linkedDesk(): Promise<Desk> {
  const desk = new Desk();
  desk.signIn('http://127.0.0.1:1');
  desk.linkTo('ide_77');
  await desk.json('runner', 'enable');
  return desk;
}

const WAYS = [
  ['0.171.0', 'own_server', 'no shared server runs'],
  ['0.150.0', 'process', 'the app-server of Codex 0.150.0 cannot be used; that of 0.154.0 and later can'],
] as const;

describe('before the first job, orp runner status and orp link doctor say how the runner will drive Codex', () => {
  it.each(WAYS)('Codex %s', async (version, way, why) => {
    using desk = await linkedDesk();
    installCodex(desk, version);
    const agent = { name: 'Codex', version, way, why, known_from: 'next_job', own_server_pid: null };
    const status = await desk.json('runner', 'status');
    expect(status).toMatchObject({ agent });
    const { capabilities } = status.agent as { capabilities: string[] };
    expect(capabilities.includes('steer')).toBe(way === 'own_server');
    expect(await desk.json('link', 'doctor')).toMatchObject({ agent });
    for (const command of [
      ['runner', 'status'],
      ['link', 'doctor'],
    ]) {
      expect((await desk.orp(command)).stdout).toContain(
        `agent.version=${version}\nagent.way=${way}\nagent.why=${why}\n`,
      );
    }
  });

  it('a program of unknown version is not started to find out', async () => {
    using desk = await linkedDesk();
    installCodex(desk, '0.171.0');
    writeFileSync(join(desk.home, 'package', 'package.json'), '{}');
    expect(await desk.json('runner', 'status')).toMatchObject({
      agent: { version: null, way: 'process', why: 'the version of this program is unknown' },
    });
  });

  it('nothing without Codex, whose absence is a problem of its own', async () => {
    using desk = await linkedDesk();
    desk.env.CODEX_BIN = '/nowhere/codex';
    expect(await desk.json('runner', 'status')).toMatchObject({ agent: null });
    expect((await desk.orp(['link', 'doctor'])).stdout).not.toContain('agent.way');
  });
});
