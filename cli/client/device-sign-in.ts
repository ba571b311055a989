/** Signs in this terminal with a code that a person approves on a page (RFC 8628). */

import { getMe, startDevice, takeDeviceToken } from '../../spec/contract/auth.ts';
import type { ReplyOf } from '../../spec/contract/endpoint.ts';
import { CliError } from '../base/exit.ts';
import { call, send } from './call.ts';
import type { Client } from './client.ts';
import { isOutage } from './retry.ts';
import { ServerError } from './server-error.ts';

export type DeviceCode = ReplyOf<typeof startDevice>;
type Approved = ReplyOf<typeof takeDeviceToken>;

/** Returns whether the server can sign in terminals with a code. Asks the server, because it may have been updated. */
export async function offersDeviceSignIn(client: Client): Promise<boolean> {
  if (client.server.offers('device-flow')) return true;
  try {
    await send(client, getMe, {});
  } catch (error) {
    // A refusal also names the extensions of the server.
    if (!(error instanceof ServerError) || error.kind === 'network') throw error;
  }
  return client.server.offers('device-flow');
}

/** Asks for a code. Only addresses with http or https are shown to a person. */
export async function startSignIn(client: Client, deviceName: string): Promise<DeviceCode> {
  const code = await call(client, startDevice, { body: { deviceName } });
  for (const text of [code.verificationUri, code.verificationUriComplete]) {
    const isPage = URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
    if (!isPage) {
      throw new CliError('The server named no page on which the sign-in can be approved.', {
        code: 'unexpected_answer',
        hint: 'Check the base URL, or sign in with --email.',
      });
    }
  }
  return code;
}

/** White modules around a code. Scanners need a margin. */
const MARGIN = 2;

/**
 * Draws the address as a QR code, two rows of modules in each line. Returns undefined if the terminal is too narrow.
 */
export async function drawQrCode(address: string, columns: number): Promise<string[] | undefined> {
  const { encode } = await import('uqr');
  const { data, size } = encode(address, { ecc: 'L', border: MARGIN });
  if (size > columns) return undefined;
  const isDark = (row: number, column: number) => data[row]?.[column] === true;
  const lines: string[] = [];
  for (let row = 0; row < size; row += 2) {
    const cells = Array.from({ length: size }, (_, column) =>
      blockOf(isDark(row, column), isDark(row + 1, column)),
    );
    lines.push(cells.join(''));
  }
  return lines;
}

function blockOf(top: boolean, bottom: boolean): string {
  if (top && bottom) return '█';
  if (top) return '▀';
  return bottom ? '▄' : ' ';
}

/** The time that each `slow_down` adds to all later pauses (RFC 8628). */
const SLOWER_SECONDS = 5;
const SHORTEST_SECONDS = 1;

/** Waits until a person has decided, or until the code expires. Outages do not end the wait. */
export async function waitForApproval(client: Client, code: DeviceCode): Promise<Approved> {
  let seconds = Math.max(code.interval, SHORTEST_SECONDS);
  for (let waited = 0; ; waited += seconds) {
    await client.sleep(seconds * 1000);
    try {
      return await call(client, takeDeviceToken, { body: { deviceCode: code.deviceCode } });
    } catch (error) {
      if (!(error instanceof ServerError)) throw error;
      if (error.code === 'slow_down') seconds += SLOWER_SECONDS;
      const mayFollow = ['slow_down', 'authorization_pending'].includes(error.code) || isOutage(error);
      if (!mayFollow || waited >= code.expiresIn) throw error;
    }
  }
}
