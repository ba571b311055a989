/** Shows the accounts of the server and the open invitations. */

import type { Refusal } from '../../../spec/errors.ts';
import type { listAccounts } from '../../people/accounts.ts';
import type { listInvitations } from '../../people/invitations.ts';
import type { listFullAccounts } from '../../people/limits.ts';
import { NearLimits } from '../console/limits-part.tsx';
import { accountPath, PATHS } from '../console/paths.ts';
import { shownLine } from '../design/shown.ts';
import { Badge } from '../parts/badge.tsx';
import { Action, Confirm, Field, Select } from '../parts/forms.tsx';
import { type Column, More, Table } from '../parts/lists.tsx';
import { ErrorNote } from '../parts/notes.tsx';
import { CopyableId, Time } from '../parts/texts.tsx';

type Account = Awaited<ReturnType<typeof listAccounts>>['accounts'][number];
type Invitation = Awaited<ReturnType<typeof listInvitations>>[number];

/** A new link. Only this page shows it. */
export interface FreshLink {
  url: string;
  /** A text that says what the link is for. */
  text: string;
}

interface Props {
  accounts: readonly Account[];
  next: string | undefined;
  invitations: readonly Invitation[];
  /** The accounts near a limit. */
  full: Awaited<ReturnType<typeof listFullAccounts>>;
  viewerId: string;
  now: number;
  fresh?: FreshLink | undefined;
  refusal?: Refusal | undefined;
}

const ROLES = [
  { value: 'member', label: 'Member: sees their own work' },
  { value: 'operator', label: 'Operator: sees and changes everything' },
];

export function PeopleBody({ accounts, next, invitations, full, viewerId, now, fresh, refusal }: Props) {
  const open = invitations.filter(({ state }) => state === 'open');
  return (
    <>
      {fresh && (
        <div class="note note-done" role="status">
          <p>{shownLine(fresh.text)} Copy this link now. The server does not show it again:</p>
          <p>
            <CopyableId id={fresh.url} label="link" />
          </p>
        </div>
      )}
      <NearLimits accounts={full.accounts} next={full.nextCursor} />
      <section>
        <h2>Accounts</h2>
        <Table label="Accounts" columns={accountColumns(viewerId, now)} rows={accounts} />
        <More path={next && `${PATHS.people}?cursor=${encodeURIComponent(next)}`} />
      </section>
      <section>
        <h2>Invite somebody</h2>
        <ErrorNote refusal={refusal} />
        <form method="post" action={`${PATHS.people}/invitations`} class="sheet narrow-form">
          <Field name="role" label="Role">
            <Select name="role" value="member" options={ROLES} />
          </Field>
          <Field name="email" label="E-mail (optional)" help="The link then works for this address only.">
            <input
              id="field-email"
              name="email"
              type="email"
              maxlength={254}
              autocomplete="off"
              aria-describedby="help-email"
            />
          </Field>
          <button type="submit" class="button button-main">
            Make a link
          </button>
        </form>
      </section>
      {open.length > 0 && (
        <section>
          <h2>
            Open invitations <span class="count">{open.length}</span>
          </h2>
          <Table label="Open invitations" columns={invitationColumns(now)} rows={open} />
        </section>
      )}
    </>
  );
}

function accountColumns(viewerId: string, now: number): Column<Account>[] {
  return [
    {
      head: 'Account',
      place: 'title',
      cell: ({ id, email, name }) => (
        <>
          <a class="row-link" href={accountPath(id)}>
            {shownLine(email, 120)}
          </a>
          <div class="quiet clamp">{shownLine(name, 120)}</div>
        </>
      ),
    },
    {
      head: 'Role',
      place: 'side',
      cell: ({ role, disabledAt }) =>
        disabledAt === undefined ? <Badge tone="calm">{role}</Badge> : <Badge tone="bad">disabled</Badge>,
    },
    { head: 'Since', place: 'below', cell: ({ createdAt }) => <Time at={createdAt} now={now} /> },
    {
      head: '',
      place: 'below',
      cell: (account) => (
        <div class="row-actions">
          <PasswordLink account={account} />
          {account.id !== viewerId && <Disabling account={account} />}
        </div>
      ),
    },
  ];
}

function PasswordLink({ account: { id, email } }: { account: Account }) {
  return (
    <Confirm ask="New password…" action={`${PATHS.people}/${id}/password-link`} label="Make the link">
      <p>
        You get a link that works once, for a day. {shownLine(email, 120)} sets a new password with it, and
        all their devices are signed out then.
      </p>
    </Confirm>
  );
}

function Disabling({ account: { id, disabledAt } }: { account: Account }) {
  if (disabledAt !== undefined) return <Action action={`${PATHS.people}/${id}/enable`} label="Enable" />;
  return (
    <Confirm
      ask="Disable…"
      action={`${PATHS.people}/${id}/disable`}
      label="Disable the account"
      look="danger"
    >
      <p>The account cannot sign in, its devices are refused within 30 seconds, and its queued jobs wait.</p>
      <label class="field">
        Reason (optional)
        <input name="reason" maxlength={1000} />
      </label>
    </Confirm>
  );
}

function invitationColumns(now: number): Column<Invitation>[] {
  return [
    {
      head: 'For',
      place: 'title',
      cell: ({ email }) => (email === undefined ? 'Whoever has the link' : shownLine(email, 120)),
    },
    { head: 'Role', place: 'side', cell: ({ role }) => <Badge tone="calm">{role}</Badge> },
    {
      head: 'Expires',
      place: 'below',
      cell: ({ expiresAt }) => (
        <>
          <span class="only-phone">Expires </span>
          <Time at={expiresAt} now={now} />
        </>
      ),
    },
    {
      head: '',
      place: 'below',
      cell: ({ id }) => (
        <Action action={`${PATHS.people}/invitations/${id}/revoke`} label="Revoke" look="danger" />
      ),
    },
  ];
}
