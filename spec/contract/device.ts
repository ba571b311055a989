/**
 * The routes that sign in a terminal without a password (RFC 8628). A person approves the terminal on the page
 * `/device`.
 */

import { z } from 'zod';
import { endpoint } from './endpoint.ts';
import { ok } from './fields.ts';

export const startDevice = endpoint({
  name: 'startDevice',
  method: 'POST',
  path: '/api/auth/device/code',
  summary: 'Ask to be signed in. A person approves the code on a page; the terminal polls for its token.',
  auth: 'none',
  body: z.object({
    /** Shown to the person who approves, and in the list of signed-in devices. */
    deviceName: z.string().max(200).optional(),
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
    expiresIn: z.number().int(),
    /** Seconds between two polls. */
    interval: z.number().int(),
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
  body: z.object({ deviceCode: z.string().min(1).max(200) }),
  reply: z.object({
    ok,
    token: z.string(),
    user: z.object({ id: z.string(), email: z.string(), name: z.string() }),
  }),
  errors: ['authorization_pending', 'slow_down', 'access_denied', 'expired_token'],
  capability: 'device-flow',
  idempotent: false,
});
