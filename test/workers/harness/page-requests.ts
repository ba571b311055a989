/** Every page and form of the server, with a request for it and the people who may use it. */

import type { Named } from './requests.ts';

/** Who may use a page: */
export type PageAccess =
  /** everybody, without a sign-in */
  | 'open'
  /** signed-in people, each for what they own */
  | 'own'
  /** the owner of what the path names; to everybody else it does not exist */
  | 'hidden'
  /** the owner and operators */
  | 'shared'
  /** operators; members get 403 */
  | 'operators';

interface PageRequest {
  access: PageAccess;
  path(stage: Named): string;
  /** The fields, for a form. */
  form?: Form;
}

type Form = Record<string, string> | ((stage: Named) => Record<string, string>);

/** The fields of a form on this stage. */
export function fieldsOf(form: Form, stage: Named): Record<string, string> {
  return typeof form === 'function' ? form(stage) : form;
}

const at = (path: string) => (): string => path;
const open = (path: string, form?: Form): PageRequest => ({
  access: 'open',
  path: at(path),
  ...(form === undefined ? {} : { form }),
});
const own = (path: string, form?: Form): PageRequest => ({
  ...open(path, form),
  access: 'own',
});
const of = (access: PageAccess, path: (stage: Named) => string, form?: Form): PageRequest => ({
  access,
  path,
  ...(form === undefined ? {} : { form }),
});

const ROOT = '/dashboard/admin';

/** By method and path as they are mounted. A test checks that no route is missing. */
export const PAGE_REQUESTS: Readonly<Record<string, PageRequest>> = {
  'GET /assets/*': open('/assets/0/app.css'),
  'GET /': open('/'),
  'GET /dashboard': open('/dashboard'),
  'GET /dashboard/admin': open('/dashboard/admin'),
  'GET /docs': open('/docs'),
  'GET /login': open('/login'),
  'POST /login': open('/login', { email: 'nobody@orp.test', password: 'x' }),
  'POST /login/code': open('/login/code', { email: 'nobody@orp.test', code: '000000' }),
  'GET /setup': open('/setup?token=lnk_x'),
  'POST /setup': open('/setup', { token: 'lnk_x' }),
  'GET /join': open('/join?token=lnk_x'),
  'POST /join': open('/join', { token: 'lnk_x' }),
  'GET /reset-password': open('/reset-password?token=lnk_x'),
  'POST /reset-password': open('/reset-password', { token: 'lnk_x' }),
  'GET /device': own('/device'),
  'POST /device/approve': own('/device/approve', { code: 'BCDF-GHJK' }),
  'POST /device/deny': own('/device/deny', { code: 'BCDF-GHJK' }),
  'GET /settings': own('/settings'),
  'POST /settings/password': own('/settings/password', { current: 'x', next: 'x' }),
  'POST /settings/tokens': own('/settings/tokens', { name: 'ci', scope: 'read', expiry: '30' }),
  'POST /settings/devices/:mark/revoke': of(
    'hidden',
    ({ tokenId }) => `/settings/devices/${tokenId}/revoke`,
    {},
  ),
  'POST /settings/devices/revoke-others': own('/settings/devices/revoke-others', {}),
  'POST /logout': own('/logout', {}),
  'GET /inbox': own('/inbox'),
  'POST /inbox/:jobId/dismiss': of('hidden', ({ endedJobId }) => `/inbox/${endedJobId}/dismiss`, {}),
  'GET /jobs': own('/jobs'),
  'GET /jobs/:jobId': of('shared', ({ running }) => `/jobs/${running.jobId}`),
  'GET /jobs/:jobId/live': of('shared', ({ endedJobId }) => `/jobs/${endedJobId}/live`),
  'GET /jobs/:jobId/transcript.txt': of('shared', ({ running }) => `/jobs/${running.jobId}/transcript.txt`),
  'POST /jobs/:jobId/cancel': of('shared', ({ queuedJobId }) => `/jobs/${queuedJobId}/cancel`, {}),
  'POST /jobs/:jobId/retry': of('shared', ({ endedJobId }) => `/jobs/${endedJobId}/retry`, { attempt: '1' }),
  'GET /send': own('/send'),
  'GET /sessions/:sessionId': of('hidden', ({ machine }) => `/sessions/codex-${machine.machineId}`),
  'POST /sessions/:sessionId/prompts': of(
    'hidden',
    ({ machine }) => `/sessions/codex-${machine.machineId}/prompts`,
    ({ machine }) => ({
      prompt: 'Changed.',
      machineId: machine.machineId,
      projectRoot: machine.projectRoot,
      orpSessionId: 'orp-main',
    }),
  ),
  'GET /ideas': own('/ideas'),
  'GET /ideas/:ideaId': of('hidden', ({ ideaId }) => `/ideas/${ideaId}`),
  'GET /ideas/:ideaId/reviews/:reviewId': of(
    'hidden',
    ({ ideaId, checkpointId }) => `/ideas/${ideaId}/reviews/${checkpointId}`,
  ),
  'POST /ideas/:ideaId/reviews': of('hidden', ({ ideaId }) => `/ideas/${ideaId}/reviews`, {}),
  'POST /ideas/:ideaId/remove': of('hidden', ({ ideaId }) => `/ideas/${ideaId}/remove`, {}),
  'POST /ideas/:ideaId/restore': of('hidden', ({ removedIdeaId }) => `/ideas/${removedIdeaId}/restore`, {}),
  [`GET ${ROOT}/runners`]: of('operators', at(`${ROOT}/runners`)),
  [`GET ${ROOT}/runners/:machineId`]: of(
    'operators',
    ({ machine }) => `${ROOT}/runners/${machine.machineId}`,
  ),
  [`GET ${ROOT}/alerts`]: of('operators', at(`${ROOT}/alerts`)),
  [`GET ${ROOT}/jobs`]: of('operators', at(`${ROOT}/jobs`)),
  [`GET ${ROOT}/accounts/:accountId`]: of('operators', ({ owner }) => `${ROOT}/accounts/${owner.userId}`),
  [`POST ${ROOT}/accounts/:accountId/limits`]: of(
    'operators',
    ({ owner }) => `${ROOT}/accounts/${owner.userId}/limits`,
    { ideas: '100' },
  ),
  [`POST ${ROOT}/accounts/:accountId/devices/:deviceId/revoke`]: of(
    'operators',
    ({ owner, tokenId }) => `${ROOT}/accounts/${owner.userId}/devices/${tokenId}/revoke`,
    {},
  ),
  [`POST ${ROOT}/jobs/:jobId/order`]: of(
    'operators',
    ({ queuedJobId }) => `${ROOT}/jobs/${queuedJobId}/order`,
    {
      order: 'cancel',
    },
  ),
  [`POST ${ROOT}/machines/:machineId/drain`]: of(
    'operators',
    ({ machine }) => `${ROOT}/machines/${machine.machineId}/drain`,
    {},
  ),
  [`POST ${ROOT}/machines/:machineId/resume`]: of(
    'operators',
    ({ machine }) => `${ROOT}/machines/${machine.machineId}/resume`,
    {},
  ),
  [`GET ${ROOT}/bulk`]: of('operators', at(`${ROOT}/bulk`)),
  [`GET ${ROOT}/bulk/:name`]: of('operators', ({ runName }) => `${ROOT}/bulk/${runName}`),
  [`POST ${ROOT}/bulk`]: of('operators', at(`${ROOT}/bulk`), { action: 'cancel' }),
  [`POST ${ROOT}/bulk/:name/advance`]: of(
    'operators',
    ({ runName }) => `${ROOT}/bulk/${runName}/advance`,
    {},
  ),
  [`POST ${ROOT}/bulk/:name/abort`]: of('operators', ({ runName }) => `${ROOT}/bulk/${runName}/abort`, {}),
  [`GET ${ROOT}/charts`]: of('operators', at(`${ROOT}/charts`)),
  [`GET ${ROOT}/audit`]: of('operators', at(`${ROOT}/audit`)),
  [`GET ${ROOT}/people`]: of('operators', at(`${ROOT}/people`)),
  [`POST ${ROOT}/people/invitations`]: of('operators', at(`${ROOT}/people/invitations`), { role: 'member' }),
  [`POST ${ROOT}/people/invitations/:invitationId/revoke`]: of(
    'operators',
    ({ invitationId }) => `${ROOT}/people/invitations/${invitationId}/revoke`,
    {},
  ),
  [`POST ${ROOT}/people/:accountId/disable`]: of(
    'operators',
    ({ accountId }) => `${ROOT}/people/${accountId}/disable`,
    {},
  ),
  [`POST ${ROOT}/people/:accountId/enable`]: of(
    'operators',
    ({ accountId }) => `${ROOT}/people/${accountId}/enable`,
    {},
  ),
  [`POST ${ROOT}/people/:accountId/password-link`]: of(
    'operators',
    ({ accountId }) => `${ROOT}/people/${accountId}/password-link`,
    {},
  ),
};
