/** The filters for jobs, of one account and of all accounts. The URL holds them under the names of the API. */

import { JOB_STATUSES } from '../../../spec/job/status.ts';
import type { Choice } from '../parts/filter.tsx';
import type { Option } from '../parts/forms.tsx';

/** The keys of the filter for jobs of all accounts. Lists and bulk orders use the same. */
export const FILTER_KEYS = ['account', 'status', 'kind', 'machineId', 'ideaId'];

const statuses = (...groups: readonly Option[]) => ({
  name: 'status',
  label: 'Status',
  options: [...groups, ...JOB_STATUSES.map((status) => ({ value: status, label: status }))],
});

const KIND = {
  name: 'kind',
  label: 'Kind',
  options: [
    { value: '', label: 'Any kind' },
    { value: 'session.prompt', label: 'Prompts' },
    { value: 'idea.checkpoint', label: 'Reviews' },
  ],
};

/** The choices for jobs of all accounts. */
export const JOB_CHOICES: readonly Choice[] = [
  { name: 'account', label: 'Account' },
  statuses(
    { value: '', label: 'Not ended' },
    { value: 'lost,failed', label: 'Lost or failed' },
    { value: 'live,failed', label: 'Not ended or failed' },
  ),
  KIND,
  { name: 'machineId', label: 'Machine id' },
];

/** The choices for the jobs of a person, with the names of their machines. */
export function choicesOf(machines: ReadonlyMap<string, string>) {
  return [
    statuses({ value: '', label: 'Any status' }, { value: 'live', label: 'Not ended' }),
    KIND,
    {
      name: 'machineId',
      label: 'Machine',
      options: [
        { value: '', label: 'Any machine' },
        ...[...machines].map(([value, label]) => ({ value, label })),
      ],
    },
  ];
}
