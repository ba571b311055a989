/** The filter for jobs of all accounts. Lists and bulk orders use the same names. */

import { JOB_STATUSES } from '../../../spec/job/status.ts';

export const FILTER_KEYS = ['account', 'status', 'kind', 'machineId', 'ideaId'];

export const JOB_CHOICES = [
  { name: 'account', label: 'Account' },
  {
    name: 'status',
    label: 'Status',
    options: [
      { value: '', label: 'Not ended' },
      { value: 'lost,failed', label: 'Lost or failed' },
      { value: 'live,failed', label: 'Not ended or failed' },
      ...JOB_STATUSES.map((status) => ({ value: status, label: status })),
    ],
  },
  {
    name: 'kind',
    label: 'Kind',
    options: [
      { value: '', label: 'Any kind' },
      { value: 'session.prompt', label: 'Prompts' },
      { value: 'idea.checkpoint', label: 'Reviews' },
    ],
  },
  { name: 'machineId', label: 'Machine id' },
];
