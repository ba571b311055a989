/** The list of the pages, for tests and screenshots. */

import type { FullAccount } from './full-account.ts';

export interface ShownPage {
  name: string;
  path: string;
  isSignedOut?: boolean;
}

/** Returns the pages. Without a full account, it omits pages about a single object. */
export function pageList(account: FullAccount | undefined): ShownPage[] {
  const everywhere: ShownPage[] = [
    { name: 'login', path: '/login', isSignedOut: true },
    { name: 'inbox', path: '/inbox' },
    { name: 'send', path: '/send' },
    { name: 'jobs', path: '/jobs' },
    { name: 'ideas', path: '/ideas' },
    { name: 'ideas-removed', path: '/ideas?deleted=1' },
    { name: 'device', path: '/device' },
    { name: 'api', path: '/docs' },
    { name: 'settings', path: '/settings' },
    { name: 'missing', path: '/nowhere' },
  ];
  if (account === undefined) return everywhere;
  return [
    ...everywhere,
    { name: 'device-code', path: `/device?code=${account.userCode}` },
    { name: 'job-search', path: `/jobs/${account.doneJobId}?q=gauge` },
    { name: 'console-account', path: `/dashboard/admin/accounts/${account.accountId}` },
    ...(account.linkPaths === undefined
      ? []
      : [
          { name: 'join', path: account.linkPaths.invitation, isSignedOut: true },
          { name: 'new-password', path: account.linkPaths.password, isSignedOut: true },
        ]),
    { name: 'job-done', path: `/jobs/${account.doneJobId}` },
    { name: 'job-running', path: `/jobs/${account.runningJobId}` },
    { name: 'job-lost', path: `/jobs/${account.lostJobId}` },
    { name: 'idea', path: `/ideas/${account.ideaId}` },
    { name: 'idea-review', path: `/ideas/${account.ideaId}/reviews/${account.reviewId}` },
    { name: 'session', path: `/sessions/${account.sessionId}` },
    { name: 'job-failed', path: `/jobs/${account.failedJobId}` },
    { name: 'console', path: '/dashboard/admin/runners' },
    { name: 'console-none', path: '/dashboard/admin/runners?q=nobody' },
    { name: 'console-alerts', path: '/dashboard/admin/alerts' },
    { name: 'console-machine', path: '/dashboard/admin/runners/m-2' },
    { name: 'console-jobs', path: '/dashboard/admin/jobs?status=live,failed' },
    { name: 'console-charts', path: '/dashboard/admin/charts' },
    { name: 'console-people', path: '/dashboard/admin/people' },
    { name: 'console-audit', path: '/dashboard/admin/audit' },
    { name: 'console-charts-day', path: '/dashboard/admin/charts?span=day' },
    { name: 'console-charts-week', path: '/dashboard/admin/charts?span=week' },
    { name: 'console-bulk', path: '/dashboard/admin/bulk?action=cancel&status=queued' },
    { name: 'console-bulk-run', path: `/dashboard/admin/bulk/${account.runName}` },
  ];
}
