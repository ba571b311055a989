/** The devices of an account: terminals and browsers that are signed in. */

import type { Scope } from '../../spec/access.ts';
import { BOUNDS } from '../../spec/bounds.ts';
import { accept, type Result, refuse } from '../../spec/errors.ts';
import type { Deps } from '../base/deps.ts';
import { closeChannelsOf, tokenMark } from '../base/notify.ts';
import { noteSignIn } from '../store/audit.ts';
import * as store from '../store/devices.ts';
import { forgetToken, type SignedIn } from './authenticate.ts';
import { newToken, sha256 } from './passwords.ts';

/** A device as its owner sees it, without the token and its hash. */
export interface Device extends Omit<store.DeviceRow, 'hash'> {
  /** Identifies the device in the order to revoke it. */
  mark: string;
  /** True for the device that sends this request. */
  isThis: boolean;
}

/** Lists the devices. The most recently used device comes first. */
export async function listDevices(deps: Deps, { id, tokenHash }: SignedIn): Promise<Device[]> {
  const rows = await deps.db.all<store.DeviceRow>(store.readDevices(id, deps.now));
  return rows.map(({ hash, ...row }) => ({ ...row, mark: tokenMark(hash), isThis: hash === tokenHash }));
}

const DAY_MS = 24 * 60 * 60_000;

/** Makes a token for a program that cannot sign in. */
export async function makeToken(
  deps: Deps,
  { id: userId }: SignedIn,
  wanted: { name: string; scope: Scope; expiresInDays: number | undefined; source: string },
): Promise<Result<{ mark: string; token: string; expiresAt: number | null }, 'limit_reached'>> {
  const { name, scope, expiresInDays, source } = wanted;
  const token = newToken();
  const hash = await sha256(token);
  const mark = tokenMark(hash);
  const expiresAt = expiresInDays === undefined ? null : deps.now + expiresInDays * DAY_MS;
  const made = { hash, mark, userId, name, scope, expiresAt, now: deps.now, source };
  if (await store.addMadeToken(deps.db, made)) {
    deps.log('token_made', { userId, scope });
    return accept({ mark, token, expiresAt });
  }
  return refuse(
    'limit_reached',
    `Your account has ${BOUNDS.madeTokens} tokens for programs, which is the limit (madeTokens).`,
    'Revoke one that you no longer use, on the settings page or with orp auth token revoke.',
  );
}

/** Closes the channels of expired tokens. Cron calls this function. */
export async function closeExpired(deps: Deps, limit: number): Promise<void> {
  for (const { hash, userId } of await store.revokeExpired(deps.db, { now: deps.now, limit })) {
    forgetToken(hash);
    await closeChannelsOf(deps, { userId, tokenHash: hash });
    deps.log('token_expired', { userId });
  }
}

/** Signs a device out and closes its channels. */
export async function revokeDevice(
  deps: Deps,
  user: SignedIn,
  { mark, source }: { mark: string; source: string },
): Promise<Result<{ name: string }, 'not_found'>> {
  // A shorter id could match several devices.
  const isWhole = /^[0-9a-f]{16}$/.test(mark);
  const [revoked] = isWhole ? await store.revokeByMark(deps.db, user.id, { mark, now: deps.now }) : [];
  if (revoked === undefined) {
    return refuse(
      'not_found',
      'This device is already signed out.',
      'The settings page and orp auth token list show the other devices.',
    );
  }
  await closeRevoked(deps, user, { revoked: [revoked], source });
  return accept({ name: revoked.deviceName });
}

/** Signs out every device except the requesting one: only browsers, or browsers and terminals. Returns their number. */
export async function revokeOthers(
  deps: Deps,
  user: SignedIn,
  { onlyBrowsers, source }: { onlyBrowsers: boolean; source: string },
): Promise<number> {
  const revoked = await store.revokeOthers(deps.db, user.id, {
    keep: user.tokenHash,
    onlyBrowsers,
    now: deps.now,
  });
  await closeRevoked(deps, user, { revoked, source });
  return revoked.length;
}

async function closeRevoked(
  deps: Deps,
  { id: userId }: SignedIn,
  { revoked, source }: { revoked: readonly store.Revoked[]; source: string },
): Promise<void> {
  for (const { hash, deviceName } of revoked) {
    forgetToken(hash);
    deps.later(closeChannelsOf(deps, { userId, tokenHash: hash }));
    const entry = { at: deps.now, userId, source, subject: tokenMark(hash), detail: deviceName };
    deps.later(noteSignIn(deps.db, { ...entry, action: 'device_revoked' }));
  }
  deps.log('devices_revoked', { userId, count: revoked.length });
}
