/** People see and end their own sign-ins, and nobody else's. */

import { describe, expect, it } from 'vitest';
import {
  changePassword,
  deviceLogin,
  getMe,
  listTokens,
  revokeTokenById,
} from '../../../spec/contract/auth.ts';
import { accepts, refuses, refusesAny } from '../harness/call.ts';
import { advance, MINUTE } from '../harness/clock.ts';
import { hashOf } from '../harness/passwords.ts';
import { aPerson, aToken } from '../harness/people.ts';

const PASSWORD = 'open sesame 42';
const NEXT = 'another sesame 42';

describe('the list of tokens', () => {
  it('has the own devices, marks the one that asks, and holds no secret', async () => {
    const owner = await aPerson();
    advance(MINUTE);
    const other = { ...owner, token: await aToken(owner.userId) };
    const { tokens } = await accepts(listTokens, { as: other });
    expect(tokens).toMatchObject([
      { name: 'test', kind: 'cli', isThis: true },
      { name: 'test', kind: 'cli', isThis: false },
    ]);
    expect(JSON.stringify(tokens)).not.toContain('dvt_');
    for (const row of [listTokens, revokeTokenById, changePassword])
      await refusesAny(row, 'unauthenticated', { params: { tokenId: 'x' } });
  });

  it('revokes one by its id, never by a part of one, and never that of somebody else', async () => {
    const [owner, stranger] = [await aPerson(), await aPerson()];
    advance(MINUTE);
    const other = { ...owner, token: await aToken(owner.userId) };
    const { tokens } = await accepts(listTokens, { as: owner });
    const tokenId = tokens.find(({ isThis }) => !isThis)?.id ?? '';
    await refuses(revokeTokenById, 'not_found', { as: stranger, params: { tokenId } });
    for (const part of [tokenId.slice(0, 1), tokenId.slice(0, 15), `${tokenId}0`, '~'])
      await refuses(revokeTokenById, 'not_found', { as: owner, params: { tokenId: part } });
    await accepts(getMe, { as: other });
    await accepts(revokeTokenById, { as: owner, params: { tokenId } });
    await refuses(revokeTokenById, 'not_found', { as: owner, params: { tokenId } });
    await refuses(getMe, 'unauthenticated', { as: other });
    await accepts(getMe, { as: owner });
  });
});

describe('a change of the password', () => {
  it('needs the old one, and signs the other terminals out only on request', async () => {
    const owner = await aPerson({ passwordHash: hashOf(PASSWORD) });
    const other = { ...owner, token: await aToken(owner.userId) };
    const change = (current: string, next: string, revokeOthers?: boolean) => ({
      as: owner,
      body: { current, next, ...(revokeOthers === undefined ? {} : { revokeOthers }) },
    });
    await refuses(changePassword, 'invalid_credentials', change('wrong', NEXT));
    await refuses(changePassword, 'invalid_input', change(PASSWORD, 'short'));
    expect(await accepts(changePassword, change(PASSWORD, NEXT))).toMatchObject({ revoked: 0 });
    await accepts(getMe, { as: other });
    expect(await accepts(changePassword, change(NEXT, PASSWORD, true))).toMatchObject({ revoked: 1 });
    await refuses(getMe, 'unauthenticated', { as: other });
    await accepts(getMe, { as: owner });
    const { email } = owner;
    await refuses(deviceLogin, 'invalid_credentials', { body: { email, password: NEXT } });
  });

  it('may be tried ten times with a wrong password', async () => {
    const owner = await aPerson({ passwordHash: hashOf(PASSWORD) });
    const body = { current: 'wrong', next: NEXT };
    for (let one = 0; one < 10; one += 1)
      await refuses(changePassword, 'invalid_credentials', { as: owner, body });
    await refuses(changePassword, 'too_many_attempts', { as: owner, body: { ...body, current: PASSWORD } });
  });
});
