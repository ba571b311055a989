/** Shows the count, and the form that starts a run for exactly this number of jobs. */

import { BULK_FROM, type BulkAction, bulkStatuses } from '../../../../spec/overview/bulk.ts';
import { counted } from '../../design/words.ts';
import { pathWith } from '../../parts/filter.tsx';
import { Field } from '../../parts/forms.tsx';
import { PATHS } from '../paths.ts';

export interface Typed {
  name: string;
  reason: string;
}

interface Props {
  /** The action and the filter from the URL. */
  named: Readonly<Record<string, string>>;
  action: BulkAction;
  count: number;
  isExact: boolean;
  typed: Typed;
}

const CONSEQUENCES: Record<BulkAction, string> = {
  cancel: 'Runners stop their agents. What an agent has already done stays.',
  requeue: 'Jobs that had begun may run twice.',
};

export function BulkForm({ named, action, count, isExact, typed }: Props) {
  const { action: _, ...filter } = named;
  const meant = bulkStatuses(action, named.status);
  const statuses = meant.kind === 'statuses' ? meant.statuses : BULK_FROM[action];
  const all = `${isExact ? '' : 'More than '}${counted(count, 'job')}`;
  return (
    <div class="card" id="order">
      <h2>
        {all} would be {action === 'cancel' ? 'cancelled' : 'requeued'}
      </h2>
      <p class="quiet">
        All that match and are {statuses.join(', ')}. {CONSEQUENCES[action]}{' '}
        <a href={pathWith(PATHS.jobs, { ...filter, status: statuses.join(',') })}>Look at them</a>
      </p>
      {count > 0 && (
        <form method="post" action={PATHS.bulk} class="narrow-form">
          {Object.entries(named).map(([name, value]) => (
            <input type="hidden" name={name} value={value} />
          ))}
          <input type="hidden" name="count" value={count} />
          <Field
            name="name"
            label="Name of the run"
            help="Letters, digits and . _ - (at most 64). A name starts only one run."
          >
            <input
              id="field-name"
              name="name"
              value={typed.name}
              required
              maxlength={64}
              pattern="[A-Za-z0-9][A-Za-z0-9._\-]{0,63}"
              aria-describedby="help-name"
              autocomplete="off"
            />
          </Field>
          <Field name="reason" label="Reason (optional)" help="Kept in the audit log of each job.">
            <input
              id="field-reason"
              name="reason"
              value={typed.reason}
              maxlength={1000}
              aria-describedby="help-reason"
            />
          </Field>
          <button type="submit" class={`button ${action === 'cancel' ? 'button-danger' : 'button-main'}`}>
            {action === 'cancel' ? 'Cancel' : 'Requeue'} {counted(count, 'job')}
          </button>
        </form>
      )}
    </div>
  );
}
