/** The pages that `npm run bench -- pages` measures, in the account that it fills. */

export const MEASURED_PATHS = [
  '/inbox',
  '/send',
  '/sessions/codex-1',
  '/jobs',
  '/jobs?status=queued',
  '/jobs/job_00000000z00000000',
  '/jobs/job_00000000000000001',
  '/ideas',
  '/ideas/ide_0001',
  '/settings',
  '/dashboard/admin/runners',
  '/dashboard/admin/jobs?status=live,failed',
  '/dashboard/admin/charts?span=week',
  '/dashboard/admin/bulk?action=cancel',
] as const;
