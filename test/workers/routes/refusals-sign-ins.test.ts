/** Every refusal of the routes by which people and terminals sign in, and people order their own sign-ins. */

import { env } from 'cloudflare:workers';
import { describe, it } from 'vitest';
import { BOUNDS } from '../../../spec/bounds.ts';
import * as auth from '../../../spec/contract/auth.ts';
import { approveDevice, DEVICE_LIFE_MS, denyDevice } from '../../../workers/people/device-flow.ts';
import { accepts, refuses } from '../harness/call.ts';
import { advance } from '../harness/clock.ts';
import { withFault } from '../harness/d1-meter.ts';
import { forgetWaitingTerminals, waitingTerminals } from '../harness/links.ts';
import { hashOf } from '../harness/passwords.ts';
import { aPerson } from '../harness/people.ts';
import { type Refusals, scenariosOf } from '../harness/refusals.ts';
import { deps, signedIn } from '../harness/services.ts';

const PASSWORD = 'open sesame 42';

async function aTerminal() {
  const { deviceCode, userCode } = await accepts(auth.startDevice, { body: {} });
  return { body: { deviceCode }, by: { userCode, source: 'test' } };
}

const WRONG = { password: 'wrong', code: '000000' };

const REFUSALS: Refusals<typeof auth> = {
  deviceLogin: {
    invalid_credentials: async () => {
      const { email } = await aPerson();
      for (const address of [email, 'nobody@orp.test']) {
        const body = { email: address, password: WRONG.password };
        await refuses(auth.deviceLogin, 'invalid_credentials', { body });
      }
    },
    too_many_attempts: async () => {
      const { email } = await aPerson();
      const body = { email, password: WRONG.password };
      for (let tries = 0; tries < 10; tries += 1)
        await refuses(auth.deviceLogin, 'invalid_credentials', { body });
      await refuses(auth.deviceLogin, 'too_many_attempts', { body });
    },
  },
  deviceVerify: {
    invalid_code: async () => {
      const { email } = await aPerson();
      for (const address of [email, 'nobody@orp.test']) {
        await refuses(auth.deviceVerify, 'invalid_code', { body: { email: address, code: WRONG.code } });
      }
    },
    too_many_attempts: async () => {
      const { email } = await aPerson();
      const body = { email, code: WRONG.code };
      for (let tries = 0; tries < 10; tries += 1) await refuses(auth.deviceVerify, 'invalid_code', { body });
      await refuses(auth.deviceVerify, 'too_many_attempts', { body });
    },
  },
  startDevice: {
    limit_reached: async () => {
      await waitingTerminals();
      await refuses(auth.startDevice, 'limit_reached', { body: {} });
      await forgetWaitingTerminals();
    },
  },
  takeDeviceToken: {
    authorization_pending: async () => {
      const { body } = await aTerminal();
      await refuses(auth.takeDeviceToken, 'authorization_pending', { body });
    },
    slow_down: async () => {
      const { body } = await aTerminal();
      await refuses(auth.takeDeviceToken, 'authorization_pending', { body });
      await refuses(auth.takeDeviceToken, 'slow_down', { body });
    },
    access_denied: async () => {
      const { body, by } = await aTerminal();
      await denyDevice(deps(), signedIn(await aPerson()), by);
      await refuses(auth.takeDeviceToken, 'access_denied', { body });
    },
    expired_token: async () => {
      const { body, by } = await aTerminal();
      await approveDevice(deps(), signedIn(await aPerson()), by);
      advance(DEVICE_LIFE_MS);
      await refuses(auth.takeDeviceToken, 'expired_token', { body });
    },
  },
  createToken: {
    limit_reached: async () => {
      const as = await aPerson();
      const body = { name: 'ci', scope: 'read' as const };
      for (let made = 0; made < BOUNDS.madeTokens; made += 1) await accepts(auth.createToken, { as, body });
      await refuses(auth.createToken, 'limit_reached', { as, body });
    },
  },
  revokeTokenById: {
    not_found: async () => {
      const params = { tokenId: '0123456789abcdef' };
      await refuses(auth.revokeTokenById, 'not_found', { as: await aPerson(), params });
    },
  },
  changePassword: {
    invalid_credentials: async () => {
      const body = { current: 'wrong', next: 'another sesame 42' };
      await refuses(auth.changePassword, 'invalid_credentials', { as: await aPerson(), body });
    },
    too_many_attempts: async () => {
      const as = await aPerson();
      const body = { current: 'wrong', next: 'another sesame 42' };
      for (let one = 0; one < 10; one += 1)
        await refuses(auth.changePassword, 'invalid_credentials', { as, body });
      await refuses(auth.changePassword, 'too_many_attempts', { as, body });
    },
    record_changed: async () => {
      const as = await aPerson({ passwordHash: hashOf(PASSWORD) });
      const body = { current: PASSWORD, next: 'another sesame 42' };
      const change = () =>
        env.DB.prepare("UPDATE users SET password_hash = 'another' WHERE id = ?").bind(as.userId).run();
      const pauseAfterRead = async (sql: string) => {
        if (sql.includes('password_hash AS passwordHash')) await change();
      };
      await withFault({ pauseAfterRead }, () => refuses(auth.changePassword, 'record_changed', { as, body }));
    },
  },
};

describe('a route of sign-ins refuses', () => {
  it.each(scenariosOf(REFUSALS))('$name with $code', ({ provoke }) => provoke());
});
