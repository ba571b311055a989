/** Every refusal of the routes by which terminals sign in, and people order their own sign-ins. */

import { env } from 'cloudflare:workers';
import { describe, it } from 'vitest';
import * as device from '../../../spec/contract/device.ts';
import * as tokens from '../../../spec/contract/tokens.ts';
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
  const { deviceCode, userCode } = await accepts(device.startDevice, { body: {} });
  return { body: { deviceCode }, by: { userCode, address: 'local', source: 'test' } };
}

const DEVICE: Refusals<typeof device> = {
  startDevice: {
    limit_reached: async () => {
      await waitingTerminals();
      await refuses(device.startDevice, 'limit_reached', { body: {} });
      await forgetWaitingTerminals();
    },
  },
  takeDeviceToken: {
    authorization_pending: async () => {
      const { body } = await aTerminal();
      await refuses(device.takeDeviceToken, 'authorization_pending', { body });
    },
    slow_down: async () => {
      const { body } = await aTerminal();
      await refuses(device.takeDeviceToken, 'authorization_pending', { body });
      await refuses(device.takeDeviceToken, 'slow_down', { body });
    },
    access_denied: async () => {
      const { body, by } = await aTerminal();
      await denyDevice(deps(), signedIn(await aPerson()), by);
      await refuses(device.takeDeviceToken, 'access_denied', { body });
    },
    expired_token: async () => {
      const { body, by } = await aTerminal();
      await approveDevice(deps(), signedIn(await aPerson()), by);
      advance(DEVICE_LIFE_MS);
      await refuses(device.takeDeviceToken, 'expired_token', { body });
    },
  },
};

const TOKENS: Refusals<typeof tokens> = {
  revokeTokenById: {
    not_found: async () => {
      const params = { tokenId: '0123456789abcdef' };
      await refuses(tokens.revokeTokenById, 'not_found', { as: await aPerson(), params });
    },
  },
  changePassword: {
    invalid_credentials: async () => {
      const body = { current: 'wrong', next: 'another sesame 42' };
      await refuses(tokens.changePassword, 'invalid_credentials', { as: await aPerson(), body });
    },
    too_many_attempts: async () => {
      const as = await aPerson();
      const body = { current: 'wrong', next: 'another sesame 42' };
      for (let one = 0; one < 10; one += 1)
        await refuses(tokens.changePassword, 'invalid_credentials', { as, body });
      await refuses(tokens.changePassword, 'too_many_attempts', { as, body });
    },
    record_changed: async () => {
      const as = await aPerson({ passwordHash: hashOf(PASSWORD) });
      const body = { current: PASSWORD, next: 'another sesame 42' };
      const change = () =>
        env.DB.prepare("UPDATE users SET password_hash = 'another' WHERE id = ?").bind(as.userId).run();
      const pauseAfterRead = async (sql: string) => {
        if (sql.includes('password_hash AS passwordHash')) await change();
      };
      await withFault({ pauseAfterRead }, () =>
        refuses(tokens.changePassword, 'record_changed', { as, body }),
      );
    },
  },
};

describe('a route of sign-ins refuses', () => {
  it.each(scenariosOf(DEVICE))('$name with $code', ({ provoke }) => provoke());
  it.each(scenariosOf(TOKENS))('$name with $code', ({ provoke }) => provoke());
});
