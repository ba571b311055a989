/** Every refusal of the routes by which operators let people in and out. */

import { describe, expect, it } from 'vitest';
import type { Endpoint } from '../../../spec/contract/endpoint.ts';
import * as contract from '../../../spec/contract/people.ts';
import { accepts, refuses, refusesAny } from '../harness/call.ts';
import { addInvitations, removeInvitations } from '../harness/links.ts';
import { aPerson } from '../harness/people.ts';
import { type Refusals, scenariosOf } from '../harness/refusals.ts';

const params = { accountId: 'usr_unknown', invitationId: '0123456789abcdef' };
const anOperator = () => aPerson({ role: 'operator' });

/** A valid request of every row that takes something. */
const VALID: Record<string, { params?: Record<string, string>; body?: object }> = {
  makeInvitation: { body: {} },
  revokeInvitation: { params },
  disableAccount: { params, body: {} },
  enableAccount: { params, body: {} },
  makePasswordLink: { params, body: {} },
  showLimits: { params },
  changeLimits: { params, body: { limits: { ideas: 100 } } },
};

function forMembers(row: Endpoint) {
  return async () => {
    await refusesAny(row, 'forbidden', { as: await aPerson(), ...VALID[row.name] });
    await refusesAny(row, 'unauthenticated', { ...VALID[row.name] });
  };
}

function forUnknown(row: Endpoint) {
  return async () => {
    await refusesAny(row, 'not_found', { as: await anOperator(), ...VALID[row.name] });
  };
}

const REFUSALS: Refusals<typeof contract> = {
  makeInvitation: {
    forbidden: forMembers(contract.makeInvitation),
    limit_reached: async () => {
      await addInvitations();
      await refuses(contract.makeInvitation, 'limit_reached', { as: await anOperator(), body: {} });
      await removeInvitations();
    },
  },
  listAudit: {
    forbidden: forMembers(contract.listAudit),
    not_found: async () => {
      const call = { as: await anOperator(), query: { account: 'usr_unknown' } };
      await refuses(contract.listAudit, 'not_found', call);
    },
  },
  listInvitations: { forbidden: forMembers(contract.listInvitations) },
  revokeInvitation: {
    forbidden: forMembers(contract.revokeInvitation),
    not_found: forUnknown(contract.revokeInvitation),
  },
  listAccounts: { forbidden: forMembers(contract.listAccounts) },
  listFullAccounts: { forbidden: forMembers(contract.listFullAccounts) },
  showLimits: {
    forbidden: forMembers(contract.showLimits),
    not_found: forUnknown(contract.showLimits),
  },
  changeLimits: {
    forbidden: forMembers(contract.changeLimits),
    not_found: forUnknown(contract.changeLimits),
  },
  disableAccount: {
    forbidden: forMembers(contract.disableAccount),
    not_found: forUnknown(contract.disableAccount),
    wrong_status: async () => {
      const as = await anOperator();
      const own = { accountId: as.userId };
      await refuses(contract.disableAccount, 'wrong_status', { as, params: own, body: {} });
    },
  },
  enableAccount: {
    forbidden: forMembers(contract.enableAccount),
    not_found: forUnknown(contract.enableAccount),
  },
  makePasswordLink: {
    forbidden: forMembers(contract.makePasswordLink),
    not_found: forUnknown(contract.makePasswordLink),
  },
};

describe('a route about people refuses', () => {
  it.each(scenariosOf(REFUSALS))('$name with $code', ({ provoke }) => provoke());
});

describe('a link for people', () => {
  it('leads to the server that was asked, with its token', async () => {
    const as = await anOperator();
    const { url } = await accepts(contract.makeInvitation, { as, body: { email: 'new@orp.test' } });
    expect(url).toMatch(/^https:\/\/orp\.test\/join\?token=lnk_[\w-]{43}$/);
    const made = await accepts(contract.makePasswordLink, {
      as,
      params: { accountId: as.userId },
      body: { reason: 'forgotten' },
    });
    expect(made).toMatchObject({ email: as.email });
    expect(made.url).toMatch(/^https:\/\/orp\.test\/reset-password\?token=lnk_[\w-]{43}$/);
    const { invitations } = await accepts(contract.listInvitations, { as });
    expect(invitations[0]).toMatchObject({ state: 'open', email: 'new@orp.test', createdBy: as.email });
    await refusesAny(contract.makeInvitation, 'invalid_input', { as, body: { role: 'admin' } });
    await refusesAny(contract.makeInvitation, 'invalid_input', { as, body: { email: 'no address' } });
  });
});
