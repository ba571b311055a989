/** The routes of people for their own sign-ins, and of terminals that want to be signed in. */

import type { Context, Hono } from 'hono';
import {
  changePassword,
  createToken,
  listTokens,
  revokeTokenById,
  startDevice,
  takeDeviceToken,
} from '../../spec/contract/auth.ts';
import { accept } from '../../spec/errors.ts';
import { cut } from '../../spec/text.ts';
import * as passwords from '../accounts/change-password.ts';
import { listDevices, makeToken, revokeDevice } from '../accounts/devices.ts';
import { iso } from '../base/iso.ts';
import type { AppEnv } from '../http/app-env.ts';
import { mount } from '../http/mount.ts';
import { addressOf, sourceOf } from '../http/source.ts';
import * as flow from '../people/device-flow.ts';

export function mountOwnSignIns(app: Hono<AppEnv>): void {
  mountTokens(app);
  mountDeviceFlow(app);
}

function mountTokens(app: Hono<AppEnv>): void {
  mount(app, listTokens, async ({ auth, deps }) => {
    const devices = await listDevices(deps, auth);
    const tokens = devices.map(({ mark, deviceName, kind, scope, createdAt, usedAt, expiresAt, isThis }) => ({
      id: mark,
      name: deviceName,
      kind,
      scope,
      createdAt: new Date(createdAt).toISOString(),
      usedAt: new Date(usedAt).toISOString(),
      expiresAt: iso(expiresAt),
      isThis,
    }));
    return accept({ ok: true, tokens });
  });

  mount(app, createToken, async ({ body, auth, deps, context }) => {
    const { name, scope, expiresInDays } = body;
    const wanted = { name, scope, expiresInDays: expiresInDays ?? undefined, source: sourceOf(context) };
    const made = await makeToken(deps, auth, wanted);
    if (!made.ok) return made;
    const { mark, token, expiresAt } = made.value;
    return accept({ ok: true, id: mark, token, name, scope, expiresAt: iso(expiresAt) });
  });

  mount(app, revokeTokenById, async ({ params, auth, deps, context }) => {
    const order = { mark: params.tokenId, source: sourceOf(context) };
    const revoked = await revokeDevice(deps, auth, order);
    return revoked.ok ? accept({ ok: true, ...revoked.value }) : revoked;
  });

  mount(app, changePassword, async ({ body, auth, deps, context }) => {
    const attempt = { address: addressOf(context), source: sourceOf(context), deviceName: '' };
    const changed = await passwords.changePassword(deps, auth, {
      ...body,
      ...attempt,
      device: bearerOf(context),
    });
    return changed.ok ? accept({ ok: true, revoked: changed.value }) : changed;
  });
}

/**
 * Returns the token of the request. It proves that the device is known, so that failed sign-ins of others do not delay
 * it.
 */
function bearerOf(context: Context<AppEnv>): string | undefined {
  return context.req.header('authorization')?.replace(/^Bearer /i, '');
}

function mountDeviceFlow(app: Hono<AppEnv>): void {
  mount(app, startDevice, async ({ body, deps, context }) => {
    const deviceName = body.deviceName ?? cut(context.req.header('user-agent') ?? 'unknown', 200);
    const terminal = { deviceName, address: addressOf(context), source: sourceOf(context) };
    const started = await flow.startDevice(deps, terminal);
    if (!started.ok) return started;
    const { userCode } = started.value;
    const page = new URL('/device', context.req.url);
    const complete = new URL(`/device?code=${userCode}`, context.req.url);
    return accept({
      ok: true,
      ...started.value,
      verificationUri: page.href,
      verificationUriComplete: complete.href,
      expiresIn: flow.DEVICE_LIFE_MS / 1000,
      interval: flow.POLL_EVERY_MS / 1000,
    });
  });

  mount(app, takeDeviceToken, async ({ body, deps, context }) => {
    const taken = await flow.takeDeviceToken(deps, { ...body, source: sourceOf(context) });
    if (!taken.ok) return taken;
    const { id, email, name } = taken.value.user;
    return accept({ ok: true, token: taken.value.token, user: { id, email, name } });
  });
}
