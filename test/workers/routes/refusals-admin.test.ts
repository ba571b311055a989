/** Every refusal that the routes of operators declare. Only an operator passes, whatever else is right or wrong. */

import { describe, it } from 'vitest';
import * as contract from '../../../spec/contract/admin.ts';
import type { Endpoint } from '../../../spec/contract/endpoint.ts';
import { accepts, refuses, refusesAny } from '../harness/call.ts';
import { advance, SECOND } from '../harness/clock.ts';
import { aMachine, aPrompt } from '../harness/machines.ts';
import { aPerson } from '../harness/people.ts';
import type { Refusals } from '../harness/refusals.ts';
import { scenariosOf } from '../harness/refusals.ts';

const ORDER = { action: 'cancel', filter: { account: 'usr_unknown' } } as const;

/** A valid request of every row. */
const VALID: Record<string, { params?: Record<string, string>; query?: object; body?: object }> = {
  listMachines: { query: {} },
  listAlerts: {},
  showCharts: { query: { span: 'day' } },
  listDevices: { params: { accountId: 'usr_1' } },
  startBulk: { body: { ...ORDER, dryRun: true } },
  listBulk: {},
  showBulk: { params: { name: 'none' } },
  advanceBulk: { params: { name: 'none' } },
  abortBulk: { params: { name: 'none' } },
  revokeDevice: { params: { accountId: 'usr_1', deviceId: 'abc' }, body: {} },
};

/** Of a member, with a valid request. */
function forMembers(row: Endpoint) {
  return async () => {
    const valid = VALID[row.name];
    if (valid === undefined) throw new Error(`a valid request of ${row.name} is missing`);
    await refusesAny(row, 'forbidden', { as: await aPerson(), ...valid });
  };
}

const anOperator = () => aPerson({ role: 'operator' });

function unknownRun(row: Endpoint) {
  return async () => {
    await refusesAny(row, 'not_found', { as: await anOperator(), params: { name: 'none' } });
  };
}

const REFUSALS: Refusals<typeof contract> = {
  listMachines: { forbidden: forMembers(contract.listMachines) },
  listAlerts: { forbidden: forMembers(contract.listAlerts) },
  showCharts: { forbidden: forMembers(contract.showCharts) },
  listDevices: { forbidden: forMembers(contract.listDevices) },
  startBulk: {
    forbidden: forMembers(contract.startBulk),
    record_changed: async () => {
      const machine = await aMachine();
      await aPrompt(machine);
      advance(SECOND);
      const filter = { account: machine.owner.userId };
      const body = { action: 'cancel', filter, name: crypto.randomUUID(), count: 0 } as const;
      await refuses(contract.startBulk, 'record_changed', { as: await anOperator(), body });
    },
    idempotency_conflict: async () => {
      const as = await anOperator();
      const body = { ...ORDER, name: crypto.randomUUID(), count: 0 };
      await accepts(contract.startBulk, { as, body });
      for (const other of [{ count: 1 }, { action: 'requeue' as const }, { filter: {} }])
        await refuses(contract.startBulk, 'idempotency_conflict', { as, body: { ...body, ...other } });
    },
  },
  listBulk: { forbidden: forMembers(contract.listBulk) },
  showBulk: { forbidden: forMembers(contract.showBulk), not_found: unknownRun(contract.showBulk) },
  advanceBulk: { forbidden: forMembers(contract.advanceBulk), not_found: unknownRun(contract.advanceBulk) },
  abortBulk: { forbidden: forMembers(contract.abortBulk), not_found: unknownRun(contract.abortBulk) },
  revokeDevice: {
    forbidden: forMembers(contract.revokeDevice),
    not_found: async () => {
      const as = await aPerson({ role: 'operator' });
      const { userId: accountId } = await aPerson();
      for (const deviceId of ['0123456789abcdef', '0', 'zz'])
        await refuses(contract.revokeDevice, 'not_found', { as, params: { accountId, deviceId }, body: {} });
    },
  },
};

describe('a route of operators refuses', () => {
  it.each(scenariosOf(REFUSALS))('$name with $code', ({ provoke }) => provoke());
});
