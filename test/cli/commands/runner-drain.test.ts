import { describe, expect, it } from 'vitest';
import { Desk } from '../desk.ts';
import { RecordingServer } from '../recording-server.ts';

function answering(draining: boolean) {
  return RecordingServer.startNewest(({ path }) => ({
    body: { ok: true, machine: { id: path.split('/').at(-2), name: 'workbench', draining }, changed: true },
  }));
}

describe('orp runner drain', () => {
  it('drains this machine without an id, and says so', async () => {
    await using server = await answering(true);
    using desk = new Desk();
    desk.signIn(server.url);
    const { machine } = (await desk.json('runner', 'enable')) as { machine: { machine_id: string } };
    const { code, stdout } = await desk.orp(['runner', 'drain', '--reason', ' new disk ']);
    expect(code).toBe(0);
    expect(stdout).toContain(
      `machine.id=${machine.machine_id}\nmachine.name=workbench\nmachine.draining=true\n`,
    );
    expect(server.only).toMatchObject({
      method: 'PUT',
      path: `/api/cli/runner/machines/${machine.machine_id}/drain`,
      body: { draining: true, reason: 'new disk' },
    });
  });

  it('is remembered on this machine for a status while no runner is there, until it is resumed', async () => {
    using desk = new Desk();
    await desk.json('runner', 'enable');
    for (const [verb, draining] of [
      ['drain', true],
      ['resume', false],
    ] as const) {
      await using server = await answering(draining);
      desk.signIn(server.url);
      await desk.orp(['runner', verb]);
      const { stdout } = await desk.orp(['runner', 'status']);
      expect(stdout).toContain(`runner.drained=${draining}\n`);
    }
  });

  it('of another machine says nothing about this one', async () => {
    await using server = await answering(true);
    using desk = new Desk();
    desk.signIn(server.url);
    await desk.json('runner', 'enable');
    await desk.orp(['runner', 'drain', '--machine-id', 'mach-7']);
    expect((await desk.orp(['runner', 'status'])).stdout).toContain('runner.drained=false\n');
  });

  it('resumes the machine that is named, from anywhere', async () => {
    await using server = await answering(false);
    using desk = new Desk();
    desk.signIn(server.url);
    const answer = await desk.json('runner', 'resume', '--machine-id', 'mach-7');
    expect(answer).toMatchObject({ ok: true, machine: { id: 'mach-7', draining: false } });
    expect(server.only).toMatchObject({
      path: '/api/cli/runner/machines/mach-7/drain',
      body: { draining: false },
    });
  });

  it('refuses what cannot be a machine id before it asks anybody', async () => {
    await using server = await answering(true);
    using desk = new Desk();
    desk.signIn(server.url);
    const { code, error } = await desk.orp(['runner', 'drain', '--machine-id', '../me']);
    expect(code).toBe(2);
    expect(error?.message).toContain('not a machine id');
    expect(server.asked).toEqual([]);
  });
});
