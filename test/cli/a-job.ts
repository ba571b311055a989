/** Jobs as a server of today answers them. */

export const A_JOB = {
  id: 'job_1',
  kind: 'session.prompt',
  status: 'queued',
  priority: 0,
  attempt: 0,
  maxAttempts: 3,
  onLeaseLoss: 'hold',
  sessionFallback: 'primary',
  target: {},
  createdAt: '2026-04-01T10:00:00.000Z',
  expiresAt: '2026-04-08T10:00:00.000Z',
  updatedAt: '2026-04-01T10:00:00.000Z',
} as const;

/** The answer to an order that was taken. */
export const takenOrder = () => ({ status: 201, body: { ok: true, created: true, job: A_JOB } });
