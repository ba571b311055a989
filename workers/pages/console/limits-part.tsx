/** The limits of accounts: the form that changes those of one account, and the list of accounts that are near a limit. */

import { ACCOUNT_LIMITS, type AccountLimit, limitNoun } from '../../../spec/bounds.ts';
import type { BodyOf } from '../../../spec/contract/endpoint.ts';
import { changeLimits as row } from '../../../spec/contract/people.ts';
import { accept, type Refusal, type Result, refuse } from '../../../spec/errors.ts';
import { bytesWords } from '../../../spec/text.ts';
import { parse } from '../../http/parse.ts';
import { sourceOf } from '../../http/source.ts';
import {
  type AccountUsage,
  changeLimits,
  isEstimate,
  isNearlyFull,
  type ShownLimit,
} from '../../people/limits.ts';
import { shownLine } from '../design/shown.ts';
import type { FormValues } from '../frame/form.ts';
import type { FormRequest } from '../frame/page.ts';
import { type Column, More, Table } from '../parts/lists.tsx';
import { ErrorNote } from '../parts/notes.tsx';
import { accountPath, PATHS } from './paths.ts';

/** A form that was refused, with what the person typed. */
export interface RefusedLimits {
  refusal: Refusal;
  form: FormValues;
}

export function LimitsPart({ id, limits, refused }: AccountUsage & { refused: RefusedLimits | undefined }) {
  return (
    <section aria-labelledby="limits-title">
      <h2 id="limits-title">Limits</h2>
      <p class="quiet limits-rule">
        An empty field keeps the limit of the server, which it shows in gray. A limit below the current use
        removes nothing and only stops new work, with one exception: the server deletes the oldest ended jobs
        of an account that uses 90 % of <code>keptJobs</code>.
      </p>
      <ErrorNote refusal={refused?.refusal} />
      <form method="post" action={`${accountPath(id)}/limits`}>
        <Table label="Limits" look="limits" columns={limitColumns(refused?.form)} rows={limits} />
        <div class="limits-order">
          <label class="field">
            Reason (optional)
            <input name="reason" maxlength={1000} value={refused?.form.text('reason')} />
          </label>
          <button type="submit" class="button button-main">
            Change the limits
          </button>
        </div>
      </form>
    </section>
  );
}

function limitColumns(typed: FormValues | undefined): Column<ShownLimit>[] {
  return [
    {
      head: 'Limit',
      place: 'title',
      cell: ({ name }) => (
        <label for={`field-${name}`}>
          {capitalized(limitNoun(name))} <code class="quiet">{name}</code>
        </label>
      ),
    },
    { head: 'Used', place: 'below', cell: (shown) => <Used {...shown} /> },
    {
      head: 'Own limit',
      place: 'below',
      cell: ({ name, limit, default: usual, custom }) => {
        const seen = custom ? String(limit) : '';
        const isTyped = typed !== undefined && isEdited(typed, name);
        return (
          <>
            <input type="hidden" name={`seen.${name}`} value={seen} />
            <input
              id={`field-${name}`}
              name={name}
              inputmode="numeric"
              maxlength={24}
              autocomplete="off"
              value={isTyped ? typed.text(name) : seen}
              placeholder={usual.toLocaleString('en')}
            />
          </>
        );
      },
    },
  ];
}

function isEdited(form: FormValues, name: AccountLimit): boolean {
  return form.has(name) && amountTyped(form.line(name)) !== amountTyped(form.line(`seen.${name}`));
}

/** Shows the use of a limit in words and as a bar. */
function Used(shown: ShownLimit) {
  const { name, used, limit } = shown;
  const most = amount(name, limit);
  if (used === undefined) return <>at most {most}</>;
  const words = `${isEstimate(shown) ? 'about ' : ''}${amount(name, used)} of ${most}`;
  return (
    <>
      {words}
      <progress
        class={`progress ${barLook(shown)}`}
        value={Math.min(used, limit)}
        max={Math.max(limit, 1)}
        aria-label={`${capitalized(limitNoun(name))} in use`}
      >
        {words}
      </progress>
    </>
  );
}

function barLook(shown: ShownLimit): string {
  if (!isNearlyFull(shown)) return 'in-accent';
  return (shown.used ?? 0) >= shown.limit ? 'in-bad' : 'in-warn';
}

function amount(name: AccountLimit, count: number): string {
  return name.endsWith('Bytes') ? bytesWords(count) : count.toLocaleString('en');
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/**
 * Changes the limits that the person edited in the form. Returns the receipt. If another operator has changed one of them since
 * the page was shown, nothing changes, so that nobody overwrites a value that they have not seen.
 */
export async function orderLimits({
  params,
  form,
  auth,
  deps,
  context,
}: FormRequest): Promise<Result<string>> {
  const names = ACCOUNT_LIMITS.filter((name) => isEdited(form, name));
  if (names.length === 0) return accept('You edited no limit, so nothing was changed.');
  const read = (prefix: string) => {
    const limits = Object.fromEntries(
      names.map((name) => [name, amountTyped(form.line(`${prefix}${name}`))]),
    );
    return parse(row.body, { limits, reason: form.line('reason') }, 'body') as Result<BodyOf<typeof row>>;
  };
  const [typed, seen] = [read(''), read('seen.')];
  if (!typed.ok) return typed;
  if (!seen.ok) return seen;
  const changed = await changeLimits(deps, auth, {
    accountId: params.accountId ?? '',
    changes: typed.value.limits,
    seen: seen.value.limits,
    reason: typed.value.reason ?? undefined,
    source: sourceOf(context),
  });
  if (!changed.ok) return changed;
  if (changed.value.changed) return accept('The limits of the account are changed.');
  return refuse(
    'wrong_status',
    'Nothing was changed, because another operator has changed these limits since you opened the page.',
    'The table shows their values now. Check your own, then send the form again.',
  );
}

/** A number as people type it, such as `10,000`. Null for an empty field. The server's check explains any other text. */
function amountTyped(text: string | undefined): number | string | null {
  if (text === undefined) return null;
  const plain = /^\d{1,3}(,\d{3})+$/.test(text) ? text.replaceAll(',', '') : text;
  return /^-?\d+(\.\d+)?$/.test(plain) ? Number(plain) : text;
}

/** Lists the accounts that are near a limit. Shows nothing if there are none. */
export function NearLimits({
  accounts,
  next,
}: {
  accounts: readonly AccountUsage[];
  next: string | undefined;
}) {
  if (accounts.length === 0 && next === undefined) return null;
  return (
    <section aria-labelledby="near-title">
      <h2 id="near-title">Near a limit</h2>
      <p class="quiet">
        {accounts.length > 0
          ? 'These accounts use 80 % or more of a limit.'
          : 'No account on this page uses 80 % or more of a limit.'}
      </p>
      {accounts.length > 0 && (
        <Table label="Accounts near a limit" look="near" columns={NEAR} rows={accounts} />
      )}
      <More path={next && `${PATHS.people}?near=${encodeURIComponent(next)}`} label="More accounts" />
    </section>
  );
}

const NEAR: Column<AccountUsage>[] = [
  {
    head: 'Account',
    place: 'title',
    cell: ({ id, email }) => (
      <a class="row-link" href={accountPath(id)}>
        {shownLine(email, 120)}
      </a>
    ),
  },
  {
    head: 'Limits',
    place: 'below',
    cell: ({ limits }) =>
      limits.map((shown) => (
        <div>
          {capitalized(limitNoun(shown.name))}: <Used {...shown} />
        </div>
      )),
  },
];
