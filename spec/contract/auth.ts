/** Sign-in and identity: passwords, terminals that a person approves on the page `/device` (RFC 8628), and devices. */

import * as z from 'zod/mini';
import { SCOPES, TOKEN_KINDS } from '../access.ts';
import { absentable, endpoint, ok } from './endpoint.ts';

const user = z.object({ id: z.string(), email: z.string(), name: z.string() });

/**
 * A token that this device had before, even if revoked. With it, failed sign-ins of other people do not delay this sign-in.
 */
const device = z.optional(z.string().check(z.minLength(1), z.maxLength(200)));

const email = z.string().check(z.trim(), z.minLength(3), z.maxLength(254));

export const deviceLogin = endpoint({
  name: 'deviceLogin',
  method: 'POST',
  path: '/api/auth/device-login',
  summary:
    'Sign in with e-mail and password. The answer contains a device token, or says that the server sent a code.',
  auth: 'none',
  body: z.object({
    email,
    password: z.string().check(z.minLength(1), z.maxLength(1024)),
    /** Shown in the list of signed-in devices. */
    deviceName: z.optional(z.string().check(z.maxLength(200))),
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
    code: z.string().check(z.trim(), z.minLength(1), z.maxLength(64)),
    deviceName: z.optional(z.string().check(z.maxLength(200))),
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
  summary: 'Show the account that the token belongs to, and what the token may do.',
  needs: 'read',
  reply: z.object({
    ok,
    user: z.extend(user, { role: absentable }),
    /** Absent in answers of older servers. */
    token: z.optional(
      z.object({ kind: z.enum(TOKEN_KINDS), scope: z.enum(SCOPES), name: z.string(), expiresAt: absentable }),
    ),
  }),
  errors: [],
  idempotent: true,
});

export const revokeToken = endpoint({
  name: 'revokeToken',
  method: 'DELETE',
  path: '/api/cli/me/token',
  summary: 'Revoke the token of this request. The server rejects the token everywhere within 30 s.',
  needs: 'read',
  reply: z.object({ ok }),
  errors: [],
  capability: 'token-revoke',
  idempotent: true,
});

/**
 * The routes that sign in a terminal without a password (RFC 8628). A person approves the terminal on the page
 * `/device`.
 */
export const startDevice = endpoint({
  name: 'startDevice',
  method: 'POST',
  path: '/api/auth/device/code',
  summary:
    'Start the sign-in of a terminal. A person approves the code on a page, and the terminal polls for its token.',
  auth: 'none',
  body: z.object({
    /** Shown to the person who approves, and in the list of signed-in devices. */
    deviceName: z.optional(z.string().check(z.maxLength(200))),
  }),
  reply: z.object({
    ok,
    /** The secret of the terminal. */
    deviceCode: z.string(),
    /** The code that the person types. */
    userCode: z.string(),
    verificationUri: z.string(),
    /** The address of the page, including the code. */
    verificationUriComplete: z.string(),
    /** How long the code is valid, in seconds. */
    expiresIn: z.int(),
    /** Seconds between two polls. */
    interval: z.int(),
  }),
  errors: ['limit_reached'],
  capability: 'device-flow',
  idempotent: false,
});

export const takeDeviceToken = endpoint({
  name: 'takeDeviceToken',
  method: 'POST',
  path: '/api/auth/device/token',
  summary:
    'Fetch the token of an approved sign-in, once. `authorization_pending`: ask again after the interval. `slow_down`: the interval is five seconds longer from now on.',
  auth: 'none',
  body: z.object({ deviceCode: z.string().check(z.minLength(1), z.maxLength(200)) }),
  reply: z.object({
    ok,
    token: z.string(),
    user: z.object({ id: z.string(), email: z.string(), name: z.string() }),
  }),
  errors: ['authorization_pending', 'slow_down', 'access_denied', 'expired_token'],
  capability: 'device-flow',
  idempotent: false,
});

/** The routes of people for their own sign-ins: list and revoke devices, change the password. */
export const listTokens = endpoint({
  name: 'listTokens',
  method: 'GET',
  path: '/api/auth/tokens',
  summary: 'List your signed-in devices and your tokens, the most recently used first.',
  reply: z.object({
    ok,
    tokens: z.array(
      z.object({
        /** Identifies the device. It cannot be used to sign in. */
        id: z.string(),
        name: z.string(),
        kind: z.enum(TOKEN_KINDS),
        /** Older servers, which have no scopes, omit it. */
        scope: z._default(z.enum(SCOPES), 'owner'),
        createdAt: z.string(),
        /** When the device was last used, exact to a day. */
        usedAt: z.string(),
        expiresAt: absentable,
        /** True if the device sent this request. */
        isThis: z.boolean(),
      }),
    ),
  }),
  errors: [],
  capability: 'tokens',
  idempotent: true,
});

export const createToken = endpoint({
  name: 'createToken',
  method: 'POST',
  path: '/api/auth/tokens',
  summary: 'Make a token for a program that cannot sign in. No other answer contains the token.',
  needs: 'sign_in',
  body: z.strictObject({
    name: z.string().check(z.trim(), z.minLength(1), z.maxLength(200)),
    scope: z.enum(SCOPES),
    /** If absent, the token does not expire. */
    expiresInDays: z.nullish(z.int().check(z.minimum(1), z.maximum(3650))),
  }),
  reply: z.object({
    ok,
    id: z.string(),
    token: z.string(),
    name: z.string(),
    scope: z.enum(SCOPES),
    expiresAt: absentable,
  }),
  errors: ['limit_reached'],
  capability: 'token-scopes',
  idempotent: false,
});

export const revokeTokenById = endpoint({
  name: 'revokeTokenById',
  method: 'DELETE',
  path: '/api/auth/tokens/:tokenId',
  summary: 'Sign one of your devices out, or revoke one of your tokens. Effective everywhere within 30 s.',
  reply: z.object({ ok, name: z.string() }),
  errors: ['not_found'],
  capability: 'tokens',
  idempotent: true,
});

export const changePassword = endpoint({
  name: 'changePassword',
  method: 'POST',
  path: '/api/auth/password',
  summary:
    'Change your password. Your other browsers are signed out; with `revokeOthers` every other device is.',
  body: z.strictObject({
    current: z.string().check(z.minLength(1), z.maxLength(1024)),
    /** The new password, with 12 to 1,024 characters. */
    next: z.string().check(z.maxLength(1024)),
    revokeOthers: z._default(z.boolean(), false),
  }),
  needs: 'sign_in',
  reply: z.object({
    ok,
    /** The number of devices that were signed out. */
    revoked: z.int(),
  }),
  errors: ['invalid_credentials', 'too_many_attempts', 'record_changed'],
  capability: 'tokens',
  idempotent: false,
});
