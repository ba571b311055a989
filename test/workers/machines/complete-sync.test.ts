import { expect, it } from 'vitest';
import { syncMachine } from '../../../spec/contract/runner.ts';
import { accepts } from '../harness/call.ts';
import { aMachine, aPrompt, poll, show, sync, syncBody } from '../harness/machines.ts';

it('drops what a sync does not list of the repositories that it calls complete, and no other', async () => {
  const machine = await aMachine();
  const other = { ...machine, projectRoot: `${machine.projectRoot}/other` };
  await sync(other, [{ orpSessionId: 'orp-other', codexSessionId: `codex-${crypto.randomUUID()}` }]);
  const gone = await aPrompt(machine, { projectRoot: machine.projectRoot });
  const { machineId, machineName, syncedAt } = syncBody(machine, []);
  const body = { machineId, machineName, syncedAt, linkedProjects: [], sessions: [] };
  await accepts(syncMachine, {
    as: machine.owner,
    body: { ...body, completeRoots: [machine.projectRoot, '/never/seen'] },
  });
  expect((await show(machine.owner, gone)).waiting).toMatchObject({ code: 'no_machine' });
  const kept = await aPrompt(machine, { projectRoot: other.projectRoot, codexSessionId: undefined });
  expect((await poll(machine)).job?.id).toBe(kept);
});
