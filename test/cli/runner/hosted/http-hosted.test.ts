import { expect, it } from 'vitest';
import { signedInClient } from '../../../../cli/client/client.ts';
import { ownerNames } from '../../../../cli/policy/owner-policy.ts';
import { httpHosted } from '../../../../cli/runner/hosted/http-hosted.ts';
import { CAPABILITIES_HEADER } from '../../../../spec/capabilities.ts';
import { RecordingServer } from '../../recording-server.ts';
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

it('a token of the environment gets the name of its account before the first call, once, for the policy and the spool', async () => {
  const user = { id: 'usr_ci', email: 'ci@example.test', name: 'CI' };
  await using server = await RecordingServer.start(({ path }) =>
    path.endsWith('/me')
      ? { body: { ok: true, user }, headers: { [CAPABILITIES_HEADER]: 'leases, chunks' } }
      : {
          body: { ok: true, heartbeatAt: '2026-04-01T00:00:00Z' },
          headers: { [CAPABILITIES_HEADER]: 'leases' },
        },
  );
  const { env, remove } = linkedMachine(server.url);
  Object.assign(env, { ORP_TOKEN: 'dvt_of_ci', ORP_BASE_URL: server.url });
  const service = httpHosted({
    machine: { machine_id: 'mach-1', machine_name: 'workbench' },
    instance: 'first',
    baseUrl: server.url,
    connect: () => signedInClient({ env, baseUrl: server.url }),
  });
  try {
    expect(await service.heartbeat({}, false)).toMatchObject({ kind: 'ok' });
    expect(ownerNames(env)).toEqual(expect.arrayContaining(['ci@example.test', 'usr_ci']));
    await service.heartbeat({}, false);
    expect(server.asked.filter(({ path }) => path.endsWith('/me')).length).toBeLessThanOrEqual(2);
    // What another account claimed waits for that account.
    const held = {
      jobId: 'job_1',
      leaseId: 'lea_1',
      account: { userId: 'usr_other', email: 'mira@example.test' },
    };
    const before = server.asked.length;
    expect(await service.start(held)).toMatchObject({ kind: 'unauthenticated' });
    expect(server.asked.length).toBe(before);
  } finally {
    remove();
  }
});

it('a token whose scope is too weak makes the runner wait for a sign-in, and ends no lease', async () => {
  const refusal = { error: 'The token has the scope read.', code: 'insufficient_scope', requestId: 'req_1' };
  await using server = await RecordingServer.start(() => ({ status: 403, body: refusal }));
  const { env, remove } = linkedMachine(server.url);
  const service = httpHosted({
    machine: { machine_id: 'mach-1', machine_name: 'workbench' },
    instance: 'first',
    baseUrl: server.url,
    connect: () => signedInClient({ env, baseUrl: server.url }),
  });
  try {
    const held = { jobId: 'job_1', leaseId: 'lea_1' };
    expect(await service.start(held)).toMatchObject({ kind: 'unauthenticated' });
  } finally {
    remove();
  }
});
