/** The page of one account, on which operators change its limits and revoke its devices. */

import type { Hono } from 'hono';
import { accept, HTTP_STATUS, type Result } from '../../../spec/errors.ts';
import type { AppEnv } from '../../http/app-env.ts';
import { sourceOf } from '../../http/source.ts';
import { listDevicesOf, revokeDeviceOf } from '../../overview/devices.ts';
import { showLimits } from '../../people/limits.ts';
import { shownLine } from '../design/shown.ts';
import type { Page } from '../frame/answer.tsx';
import { onForm, type PageRequest, showPage } from '../frame/page.ts';
import { CopyableId } from '../parts/texts.tsx';
import { ConsoleHeading } from './console-heading.tsx';
import { DeviceTable } from './device-table.tsx';
import { LimitsPart, orderLimits, type RefusedLimits } from './limits-part.tsx';
import { accountPath } from './paths.ts';

const back = ({ params }: { params: Record<string, string> }) => accountPath(params.accountId ?? '');

export function mountAccounts(app: Hono<AppEnv>): void {
  showPage(app, { path: accountPath(':accountId'), operatorsOnly: true }, (request) => accountPage(request));

  onForm(app, { path: `${accountPath(':accountId')}/limits`, operatorsOnly: true, back }, async (request) => {
    const ordered = await orderLimits(request);
    if (ordered.ok) return accept({ to: back(request), receipt: { tone: 'done', text: ordered.value } });
    return ordered.refusal.code === 'not_found'
      ? ordered
      : accountPage(request, { form: request.form, refusal: ordered.refusal });
  });

  const path = `${accountPath(':accountId')}/devices/:deviceId/revoke`;
  onForm(app, { path, operatorsOnly: true, back }, async (request) => {
    const { params, form, auth, deps, context } = request;
    const revoked = await revokeDeviceOf(deps, auth, {
      userId: params.accountId ?? '',
      deviceId: params.deviceId ?? '',
      reason: form.line('reason')?.slice(0, 1000),
      source: sourceOf(context),
    });
    if (!revoked.ok) return revoked;
    const text = revoked.value.changed
      ? 'The device is signed out. Its connections close within 30 seconds.'
      : 'The device was signed out before.';
    return accept({ to: back(request), receipt: { tone: 'done', text } });
  });
}

async function accountPage({ params, deps }: PageRequest, refused?: RefusedLimits): Promise<Result<Page>> {
  const accountId = params.accountId ?? '';
  const [account, devices] = await Promise.all([showLimits(deps, accountId), listDevicesOf(deps, accountId)]);
  if (!account.ok) return account;
  return accept({
    title: 'Account',
    place: 'console',
    status: refused === undefined ? 200 : HTTP_STATUS[refused.refusal.code],
    body: (
      <>
        <ConsoleHeading
          title={shownLine(account.value.email, 120)}
          aside={<CopyableId id={accountId} label="account id" />}
        />
        <LimitsPart {...account.value} refused={refused} />
        <section>
          <h2>Devices</h2>
          <DeviceTable devices={devices} accountId={accountId} now={deps.now} />
        </section>
      </>
    ),
  });
}
