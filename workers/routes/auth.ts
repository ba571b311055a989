/** Sign-in and identity. */

import type { Context, Hono } from 'hono';
import { deviceLogin, deviceVerify, getMe, revokeToken } from '../../spec/contract/auth.ts';
import { accept } from '../../spec/errors.ts';
import { cut } from '../../spec/text.ts';
import { signIn, signOut, verifyCode } from '../accounts/sign-in.ts';
import { iso } from '../base/iso.ts';
import type { AppEnv } from '../http/app-env.ts';
import { mount } from '../http/mount.ts';
import { addressOf, sourceOf } from '../http/source.ts';

export function mountAuth(app: Hono<AppEnv>): void {
  mount(app, deviceLogin, async ({ body, deps, context }) => {
    const result = await signIn(deps, { ...body, ...deviceOf(context, body.deviceName) });
    if (!result.ok) return result;
    if (result.value.kind === 'code_sent') {
      const { maskedEmail, expiresAt } = result.value;
      const message = `A sign-in code was sent to ${maskedEmail}.`;
      return accept({
        ok: true,
        success: true,
        message,
        email: maskedEmail,
        expiresAt: new Date(expiresAt).toISOString(),
      });
    }
    const { token, user } = result.value;
    return accept({
      ok: true,
      token,
      userId: user.id,
      email: user.email,
      name: user.name,
      user: nameCard(user),
    });
  });

  mount(app, deviceVerify, async ({ body, deps, context }) => {
    const result = await verifyCode(deps, { ...body, ...deviceOf(context, body.deviceName) });
    return result.ok
      ? accept({ ok: true, token: result.value.token, user: nameCard(result.value.user) })
      : result;
  });

  mount(app, getMe, async ({ auth }) => {
    const { kind, scope, deviceName, expiresAt } = auth.token;
    const token = { kind, scope, name: deviceName, expiresAt: iso(expiresAt) };
    return accept({ ok: true, user: { ...nameCard(auth), role: auth.role }, token });
  });

  mount(app, revokeToken, async ({ auth, deps, context }) => {
    await signOut(deps, auth, sourceOf(context));
    return accept({ ok: true });
  });
}

function nameCard({ id, email, name }: { id: string; email: string; name: string }) {
  return { id, email, name };
}

function deviceOf(context: Context<AppEnv>, deviceName: string | undefined) {
  return {
    address: addressOf(context),
    source: sourceOf(context),
    deviceName: deviceName ?? cut(context.req.header('user-agent') ?? 'unknown', 200),
  };
}
