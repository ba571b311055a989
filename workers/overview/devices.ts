/** Lists and revokes the devices of any account, for operators. */

import { accept, type Result, refuse } from '../../spec/errors.ts';
import { forgetToken, type SignedIn } from '../accounts/authenticate.ts';
import type { Deps } from '../base/deps.ts';
import { iso } from '../base/iso.ts';
import { closeChannelsOf, tokenMark } from '../base/notify.ts';
import { type AccountDevice, readDevicesOf, revokeDeviceIfActive } from '../store/devices.ts';

export async function listDevicesOf(deps: Deps, userId: string) {
  const rows = await deps.db.all<AccountDevice>(readDevicesOf(userId));
  return rows.map(({ hash, deviceName, kind, scope, createdAt, usedAt, expiresAt, revokedAt }) => ({
    id: tokenMark(hash),
    name: deviceName,
    kind,
    scope,
    createdAt: new Date(createdAt).toISOString(),
    usedAt: new Date(usedAt).toISOString(),
    expiresAt: iso(expiresAt),
    revokedAt: iso(revokedAt),
  }));
}

/**
 * Signs out a device of any account. Its token becomes invalid, and its channels are closed. D1 is changed first, then the
 * objects are notified.
 */
export async function revokeDeviceOf(
  deps: Deps,
  operator: SignedIn,
  {
    userId,
    deviceId,
    reason,
    source,
  }: { userId: string; deviceId: string; reason: string | undefined; source: string },
): Promise<Result<{ changed: boolean }, 'not_found'>> {
  const devices = await listDevicesOf(deps, userId);
  if (!devices.some(({ id }) => id === deviceId)) {
    return refuse(
      'not_found',
      `Account ${userId} has no device ${deviceId}.`,
      'GET /api/admin/accounts/:accountId/devices lists the devices of an account.',
    );
  }
  const order = { now: deps.now, actor: operator.id, source, reason };
  const revoked = await revokeDeviceIfActive(deps.db, { userId, mark: deviceId }, order);
  if (revoked === undefined) return accept({ changed: false });
  forgetToken(revoked.hash);
  await closeChannelsOf(deps, { userId, tokenHash: revoked.hash });
  deps.log('device_revoked', { userId, by: operator.id });
  return accept({ changed: true });
}
