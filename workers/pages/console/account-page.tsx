/** The page of one account, on which operators change its limits and revoke its devices. */

import type { Hono } from 'hono';
import { accept, HTTP_STATUS, type Result } from '../../../spec/errors.ts';
import type { AppEnv } from '../../http/app-env.ts';
import { sourceOf } from '../../http/source.ts';
import { listDevicesOf, revokeDeviceOf } from '../../overview/devices.ts';
import { showLimits } from '../../people/limits.ts';
import { shownLine } from '../design/shown.ts';
import { counted } from '../design/words.ts';
import type { Page } from '../frame/answer.tsx';
import { onForm, type PageRequest, showPage } from '../frame/page.ts';
import { Badge } from '../parts/badge.tsx';
import { Confirm } from '../parts/forms.tsx';
import { type Column, Table } from '../parts/lists.tsx';
import { Empty } from '../parts/notes.tsx';
import { CopyableId, Time } from '../parts/texts.tsx';
import { ConsoleHeading } from './console-heading.tsx';
import { LimitsPart, orderLimits, type RefusedLimits } from './limits-part.tsx';
import { accountPath } from './paths.ts';

type Device = Awaited<ReturnType<typeof listDevicesOf>>[number];

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

/**
 * The number of devices on the page. An account may have 200. Signed-in devices come first, the most recently used
 * first.
 */
const SHOWN = 25;

export function DeviceTable({
  devices,
  accountId,
  now,
}: {
  devices: readonly Device[];
  accountId: string;
  now: number;
}) {
  if (devices.length === 0) return <Empty title="No device is, or was, signed in" />;
  const more = devices.length - SHOWN;
  return (
    <>
      <Table label="Devices" columns={columnsFor(accountId, now)} rows={devices.slice(0, SHOWN)} />
      {more > 0 && (
        <p class="quiet">And {counted(more, 'device')} that are revoked or were used longer ago.</p>
      )}
    </>
  );
}

function columnsFor(accountId: string, now: number): Column<Device>[] {
  return [
    {
      head: 'Device',
      place: 'title',
      cell: ({ name, kind, scope }) =>
        kind === 'token' ? `${shownLine(name, 80)} (token, ${scope})` : shownLine(name, 80) || 'unnamed',
    },
    {
      head: 'Signed in',
      place: 'below',
      cell: ({ createdAt }) => (
        <>
          <span class="only-phone">Signed in </span>
          <Time at={createdAt} now={now} />
        </>
      ),
    },
    {
      head: 'Last used',
      place: 'below',
      cell: ({ usedAt }) => (
        <>
          <span class="only-phone">Last used </span>
          <Time at={usedAt} now={now} />
        </>
      ),
    },
    {
      head: '',
      place: 'side',
      cell: ({ id, revokedAt }) =>
        revokedAt === undefined ? (
          <Confirm
            ask="Revoke…"
            action={`${accountPath(accountId)}/devices/${id}/revoke`}
            label="Revoke the device"
            look="danger"
          >
            <p>
              It is signed out at once. A runner on it keeps its results until somebody signs in there again.
            </p>
            <label class="field">
              Reason (optional)
              <input name="reason" maxlength={1000} />
            </label>
          </Confirm>
        ) : (
          <Badge tone="calm">revoked</Badge>
        ),
    },
  ];
}
