/** The routes of people for their own sign-ins: list and revoke devices, change the password. */

import { z } from 'zod';
import { endpoint } from './endpoint.ts';
import { ok } from './fields.ts';

export const listTokens = endpoint({
  name: 'listTokens',
  method: 'GET',
  path: '/api/auth/tokens',
  summary: 'List your signed-in devices, the most recently used first.',
  reply: z.object({
    ok,
    tokens: z.array(
      z.object({
        /** Identifies the device. It cannot be used to sign in. */
        id: z.string(),
        name: z.string(),
        kind: z.enum(['cli', 'browser']),
        createdAt: z.string(),
        /** When the device was last used, exact to a day. */
        usedAt: z.string(),
        /** True if the device sent this request. */
        isThis: z.boolean(),
      }),
    ),
  }),
  errors: [],
  capability: 'tokens',
  idempotent: true,
});

export const revokeTokenById = endpoint({
  name: 'revokeTokenById',
  method: 'DELETE',
  path: '/api/auth/tokens/:tokenId',
  summary: 'Sign one of your devices out. Effective everywhere within 30 s.',
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
    current: z.string().min(1).max(1024),
    /** The new password, with 12 to 1,024 characters. */
    next: z.string().max(1024),
    revokeOthers: z.boolean().default(false),
  }),
  reply: z.object({
    ok,
    /** The number of devices that were signed out. */
    revoked: z.number().int(),
  }),
  errors: ['invalid_credentials', 'too_many_attempts', 'record_changed'],
  capability: 'tokens',
  idempotent: false,
});
