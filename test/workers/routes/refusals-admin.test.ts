/** Every refusal that the routes of operators declare. Only an operator passes, whatever else is right or wrong. */

import { describe, it } from 'vitest';
import * as contract from '../../../spec/contract/admin.ts';
import type { Endpoint } from '../../../spec/contract/endpoint.ts';
import { refuses, refusesAny } from '../harness/call.ts';
import { aPerson } from '../harness/people.ts';
import type { Refusals } from '../harness/refusals.ts';
import { scenariosOf } from '../harness/refusals.ts';

/** A valid request of every row. */
const VALID: Record<string, { params?: Record<string, string>; query?: object; body?: object }> = {
  listMachines: { query: {} },
  listAlerts: {},
  listDevices: { params: { accountId: 'usr_1' } },
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

const REFUSALS: Refusals<typeof contract> = {
  listMachines: { forbidden: forMembers(contract.listMachines) },
  listAlerts: { forbidden: forMembers(contract.listAlerts) },
  listDevices: { forbidden: forMembers(contract.listDevices) },
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
