/** Sentences of v0.4.4 that other programs look for: their key words stay. */

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Desk } from '../cli/desk.ts';
import { RecordingServer } from '../cli/recording-server.ts';
import { FakeService } from '../cli/runner/fake-hosted.ts';
import { linkedMachine } from '../cli/runner/linked-machine.ts';
import { RECIPE_AGENT, runOrp } from '../cli/runner/orp-process.ts';
import { answerAsServer, arrange, arrangeWork } from './cli-situations.ts';

describe('sentences that other programs look for', () => {
  it.each(['link status', 'runner status', 'link doctor', 'runner heartbeat'])(
    '`orp %s` says that hosted auth is not connected',
    async (command) => {
      await using server = await RecordingServer.start(answerAsServer(''));
      using desk = new Desk();
      await arrange(desk, 'signed out, linked', server.url);
      const { stdout, error } = await desk.orp(command.split(' '));
      expect(`${stdout}${error?.message}`).toContain('hosted auth is not connected');
    },
  );

  it('`orp runner status` says that a lease appears stale', async () => {
    using desk = new Desk();
    await arrange(desk, 'a recorded job', 'http://127.0.0.1:9');
    desk.now = Date.parse('2026-04-02T10:00:00Z');
    const runtime = desk.readJson(join(desk.link, 'runtime.json'));
    const beat = {
      ...runtime,
      active_job: { job_id: 'job_1', last_heartbeat_at_utc: '2026-04-01T10:00:00Z' },
    };
    desk.write(join(desk.link, 'runtime.json'), JSON.stringify(beat));
    expect((await desk.orp(['runner', 'status'])).stdout).toContain('lease appears stale');
  });

  it('`orp link import-rust` says that it requires `--all`', async () => {
    using desk = new Desk();
    const { error } = await desk.orp(['link', 'import-rust']);
    expect(error?.message).toContain('requires `--all`');
  });

  it('`orp runner work` says that a job does not target any linked repo on this machine', async () => {
    const service = await FakeService.start();
    const machine = linkedMachine(service.baseUrl);
    arrangeWork(service, 'a foreign job');
    const words = ['runner', 'work', '--once', '--codex-bin', RECIPE_AGENT];
    const { stdout } = await runOrp(words, { cwd: machine.repo, env: machine.env });
    await service.close();
    machine.remove();
    expect(stdout).toContain('does not target any linked repo on this machine');
  });
});
