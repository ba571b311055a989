/** The devices of an account, with what operators do to them. */

import type { listDevicesOf } from '../../overview/devices.ts';
import { shownLine } from '../design/shown.ts';
import { counted } from '../design/words.ts';
import { Badge } from '../parts/badge.tsx';
import { Confirm } from '../parts/forms.tsx';
import { type Column, Table } from '../parts/lists.tsx';
import { Empty } from '../parts/notes.tsx';
import { Time } from '../parts/texts.tsx';
import { accountPath } from './paths.ts';

type Device = Awaited<ReturnType<typeof listDevicesOf>>[number];

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
