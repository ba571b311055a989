/** Sign-in and identity. */

import { z } from 'zod';
import { endpoint } from './endpoint.ts';
import { absentable, ok } from './fields.ts';

const user = z.object({ id: z.string(), email: z.string(), name: z.string() });

/**
 * A token that this device had before, even if revoked. With it, failed sign-ins of other people do not delay this sign-in.
 */
const device = z.string().min(1).max(200).optional();

const email = z.string().trim().min(3).max(254);

export const deviceLogin = endpoint({
  name: 'deviceLogin',
  method: 'POST',
  path: '/api/auth/device-login',
  summary:
    'Sign in with e-mail and password. The answer contains a device token, or says that the server sent a code.',
  auth: 'none',
  body: z.object({
    email,
    password: z.string().min(1).max(1024),
    /** Shown in the list of signed-in devices. */
    deviceName: z.string().max(200).optional(),
    device,
  }),
  reply: z.union([
    z.object({ ok, token: z.string(), userId: z.string(), email: z.string(), name: z.string(), user }),
    /** A token never comes with `expiresAt`: the v0.4.4 client reads that as "verification pending". */
    z.object({ ok, success: ok, message: z.string(), email: z.string(), expiresAt: z.string() }),
  ]),
  errors: ['invalid_credentials', 'too_many_attempts'],
  idempotent: false,
});

export const deviceVerify = endpoint({
  name: 'deviceVerify',
  method: 'POST',
  path: '/api/auth/device-verify',
  summary: 'Finish a sign-in with the code that the server sent.',
  auth: 'none',
  body: z.object({
    email,
    code: z.string().trim().min(1).max(64),
    deviceName: z.string().max(200).optional(),
    device,
  }),
  reply: z.object({ ok, token: z.string(), user }),
  errors: ['invalid_code', 'too_many_attempts'],
  idempotent: false,
});

export const getMe = endpoint({
  name: 'getMe',
  method: 'GET',
  path: '/api/cli/me',
  summary: 'Show the account that the token belongs to.',
  reply: z.object({ ok, user: user.extend({ role: absentable }) }),
  errors: [],
  idempotent: true,
});

export const revokeToken = endpoint({
  name: 'revokeToken',
  method: 'DELETE',
  path: '/api/cli/me/token',
  summary: 'Revoke the token of this request. The server rejects the token everywhere within 30 s.',
  reply: z.object({ ok }),
  errors: [],
  capability: 'token-revoke',
  idempotent: true,
});
