import { expect, it } from 'vitest';
import { signedInClient } from '../../../../cli/client/client.ts';
import { httpHosted } from '../../../../cli/runner/hosted/http-hosted.ts';
import { FakeService } from '../fake-hosted.ts';
import { linkedMachine } from '../linked-machine.ts';

it('what the system refuses on the way to a call is waited out like an outage', async () => {
  const fake = await FakeService.start();
  const { env, remove } = linkedMachine(fake.baseUrl);
  let tries = 0;
  const service = httpHosted({
    machine: { machine_id: 'mach-1', machine_name: 'workbench' },
    instance: 'first',
    baseUrl: fake.baseUrl,
    async connect() {
      tries += 1;
      if (tries > 1) return signedInClient({ env, baseUrl: fake.baseUrl });
      throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE', syscall: 'open' });
    },
  });
  try {
    expect(await service.heartbeat({}, false)).toMatchObject({ kind: 'unavailable', code: 'emfile' });
    expect(await service.heartbeat({}, false)).toMatchObject({ kind: 'ok' });
  } finally {
    await fake.close();
    remove();
  }
});

it('a request that cannot be made is refused for good, and is not taken for a sign-out', async () => {
  const fake = await FakeService.start();
  const { env, remove } = linkedMachine(fake.baseUrl);
  const service = httpHosted({
    machine: { machine_id: 'mach-1', machine_name: 'workbench' },
    instance: 'first',
    baseUrl: fake.baseUrl,
    connect: () => signedInClient({ env, baseUrl: fake.baseUrl }),
  });
  try {
    const held = { jobId: '..', leaseId: 'lea_1' };
    expect(await service.start(held)).toMatchObject({ kind: 'refused', status: 0 });
    expect(await service.addLogs(held, [])).toMatchObject({ kind: 'refused', status: 0 });
  } finally {
    await fake.close();
    remove();
  }
});
