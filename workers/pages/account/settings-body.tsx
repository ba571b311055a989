/** Renders the settings. */

import type { Refusal } from '../../../spec/errors.ts';
import type { SignedIn } from '../../accounts/authenticate.ts';
import type { Device } from '../../accounts/devices.ts';
import { shownLine } from '../design/shown.ts';
import { Badge } from '../parts/badge.tsx';
import { Action, Confirm, Field } from '../parts/forms.tsx';
import { type Column, Facts, Heading, Table } from '../parts/lists.tsx';
import { ErrorNote } from '../parts/notes.tsx';
import { Time } from '../parts/texts.tsx';
import { type Made, TokensPart } from './tokens-part.tsx';

interface Props {
  user: SignedIn;
  devices: readonly Device[];
  now: number;
  /** Why the password was not changed. */
  refusal: Refusal | undefined;
  /** The token that the form created, or the reason why it created none. */
  made: Made | undefined;
}

export function SettingsBody({ user, devices, now, refusal, made }: Props) {
  return (
    <>
      <Heading title="Settings" actions={<Action action="/logout" label="Sign out" />} />
      <section>
        <h2>Account</h2>
        <Facts
          facts={[
            ['Name', shownLine(user.name)],
            ['E-mail', shownLine(user.email)],
            ['Role', user.role],
          ]}
        />
      </section>
      <section>
        <h2>Devices and tokens</h2>
        <p class="quiet">
          Terminals and browsers that are signed in to your account, and tokens that you made. Revoke the ones
          you do not know.
        </p>
        <Table label="Devices and tokens" columns={deviceColumns(now)} rows={devices} />
        {devices.length > 1 && (
          <div class="actions">
            <Confirm
              ask="Sign out everything else"
              action="/settings/devices/revoke-others"
              label="Sign out all other devices"
              look="danger"
            >
              <p>
                Every other browser and every <code>orp</code> is signed out, and every token is revoked.
                Runners finish their jobs, keep the results, and deliver them after the next{' '}
                <code>orp auth login</code>.
              </p>
            </Confirm>
          </div>
        )}
      </section>
      <TokensPart made={made} />
      <section>
        <h2>Password</h2>
        <ErrorNote refusal={refusal} />
        <form method="post" action="/settings/password" class="sheet narrow-form">
          <input
            class="hidden-label"
            type="email"
            name="username"
            value={user.email}
            autocomplete="username"
            readonly
            tabindex={-1}
            aria-label="E-mail"
          />
          <Field name="current" label="Current password">
            <input
              id="field-current"
              name="current"
              type="password"
              autocomplete="current-password"
              required
              maxlength={1024}
            />
          </Field>
          <Field
            name="next"
            label="New password"
            help="At least 12 characters. Other browsers are signed out."
          >
            <input
              id="field-next"
              name="next"
              type="password"
              autocomplete="new-password"
              aria-describedby="help-next"
              required
              minlength={12}
              maxlength={1024}
            />
          </Field>
          <button type="submit" class="button button-main">
            Change the password
          </button>
        </form>
      </section>
    </>
  );
}

const KINDS = { cli: 'Terminal (orp)', browser: 'Browser', token: 'Token' } as const;

function kindOf({ kind, scope }: Device) {
  return kind === 'token' ? `${KINDS.token} (${scope})` : KINDS[kind];
}

function deviceColumns(now: number): Column<Device>[] {
  return [
    {
      head: 'Device',
      place: 'title',
      cell: (device) => (
        <>
          {shownLine(device.deviceName, 60) || 'unnamed'}{' '}
          {device.isThis && <Badge tone="good">this browser</Badge>}
        </>
      ),
    },
    { head: 'Kind', place: 'below', cell: kindOf },
    {
      head: 'Since',
      place: 'below',
      cell: (device) => (
        <>
          <span class="only-phone">Since </span>
          <Time at={device.createdAt} now={now} />
        </>
      ),
    },
    {
      head: 'Last used',
      place: 'below',
      cell: (device) => (
        <>
          <span class="only-phone">Last used </span>
          <Time at={device.usedAt} now={now} />
        </>
      ),
    },
    {
      head: 'Expires',
      place: 'below',
      cell: (device) =>
        device.expiresAt === null ? null : (
          <>
            <span class="only-phone">Expires </span>
            <Time at={device.expiresAt} now={now} />
          </>
        ),
    },
    {
      head: '',
      place: 'side',
      cell: (device) =>
        device.isThis ? null : <Action action={`/settings/devices/${device.mark}/revoke`} label="Revoke" />,
    },
  ];
}
