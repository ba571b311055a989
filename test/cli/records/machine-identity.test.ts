import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { machineIdCopyPath } from '../../../cli/files/paths.ts';
import { Desk } from '../desk.ts';

const machineFile = (desk: Desk): string => join(desk.userFolder, 'machine.json');

async function machineOf(desk: Desk): Promise<Record<string, unknown>> {
  return (await desk.json('runner', 'status')).machine as Record<string, unknown>;
}

describe('the identity of a machine', () => {
  it('is made on the first look, and stays', async () => {
    using desk = new Desk();
    const first = await machineOf(desk);
    expect(first).toMatchObject({ runner_enabled: false, app_version: '9.9.9' });
    expect(first.machine_id).toMatch(/^[0-9a-f-]{36}$/);
    expect(await machineOf(desk)).toEqual(first);
  });

  it.each([
    ['half a file', '{"machine_id": "m'],
    ['an empty file', ''],
    ['a list', '[]'],
  ])('survives %s, which is kept and told', async (_, torn) => {
    using desk = new Desk();
    await desk.json('runner', 'enable');
    const { machine_id: id } = desk.readJson(machineFile(desk));
    desk.write(machineFile(desk), torn);

    const status = await desk.json('runner', 'status');
    expect(status.machine).toMatchObject({ machine_id: id, runner_enabled: false });
    expect(status.warnings).toContainEqual(expect.stringContaining('restored the machine id from a copy'));
    const kept = readdirSync(desk.userFolder).filter((name) => name.startsWith('machine.json.torn-'));
    expect(kept).toHaveLength(1);
    expect(desk.read(join(desk.userFolder, kept[0] ?? ''))).toBe(torn);
  });

  it('stops a command that needs an enabled runner with one sentence and one hint', async () => {
    using desk = new Desk();
    await desk.json('runner', 'enable');
    const { machine_id: id } = desk.readJson(machineFile(desk));
    desk.write(machineFile(desk), '{');
    const { code, error, stdout } = await desk.orp(['runner', 'heartbeat']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(error).toMatchObject({ code: 'torn_state', hint: 'Run `orp runner enable`.' });
    expect(desk.readJson(machineFile(desk)).machine_id).toBe(id);
  });

  it('survives the loss of the whole settings folder', async () => {
    using desk = new Desk();
    const { machine_id: id } = await machineOf(desk);
    rmSync(desk.userFolder, { recursive: true });
    const status = await desk.json('runner', 'status');
    expect(status.machine).toMatchObject({ machine_id: id });
    expect(status.warnings).toContainEqual(expect.stringContaining('was missing'));
  });

  it('comes back from a repository when the second copy is gone, too', async () => {
    using desk = new Desk();
    await desk.json('runner', 'enable');
    const { machine_id: id } = desk.readJson(machineFile(desk));
    rmSync(machineIdCopyPath(desk.env));
    desk.write(machineFile(desk), '{');
    expect((await machineOf(desk)).machine_id).toBe(id);
  });

  it('is never taken from a repository that was copied from another computer', async () => {
    using desk = new Desk();
    desk.write(join(desk.link, 'runner.json'), '{"machine_id":"of-another-computer"}');
    expect((await machineOf(desk)).machine_id).not.toBe('of-another-computer');
  });

  it('reports a permanent loss', async () => {
    using desk = new Desk();
    desk.write(machineFile(desk), '{');
    const status = await desk.json('runner', 'status');
    expect(status.warnings).toContainEqual(expect.stringContaining('this machine now has a new machine id'));
  });

  it('differs between two settings folders of one person', async () => {
    using desk = new Desk();
    const first = await machineOf(desk);
    desk.env.XDG_CONFIG_HOME = join(desk.home, 'second');
    expect((await machineOf(desk)).machine_id).not.toBe(first.machine_id);
  });

  it('has a private second copy', async () => {
    using desk = new Desk();
    await machineOf(desk);
    expect(statSync(machineIdCopyPath(desk.env)).mode & 0o777).toBe(0o600);
  });

  it('does not need the second copy', async () => {
    using desk = new Desk();
    desk.write(join(desk.home, 'blocked'), 'a file where the state folder should be');
    desk.env.XDG_STATE_HOME = join(desk.home, 'blocked');
    const { machine_id: id } = await machineOf(desk);
    expect((await machineOf(desk)).machine_id).toBe(id);
  });

  it('keeps what an older client wrote beside the id, in its own words', async () => {
    using desk = new Desk();
    desk.write(machineFile(desk), '{"machineId":"m-1","machineName":"old","runnerEnabled":"yes"}');
    expect(await machineOf(desk)).toMatchObject({
      machine_id: 'm-1',
      machine_name: 'old',
      runner_enabled: true,
    });
  });

  it('a settings folder that cannot be written is a clear error of the system, not a crash', async () => {
    using desk = new Desk();
    mkdirSync(join(desk.home, 'config'));
    desk.write(desk.userFolder, 'a file where a folder should be');
    await expect(desk.orp(['runner', 'enable'])).rejects.toMatchObject({ syscall: expect.any(String) });
    expect(existsSync(machineFile(desk))).toBe(false);
  });
});
