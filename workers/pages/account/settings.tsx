/** The settings page: the account, its password, its signed-in devices and its tokens. */

import type { Hono } from 'hono';
import { accept, HTTP_STATUS, type Refusal } from '../../../spec/errors.ts';
import { changePassword } from '../../accounts/change-password.ts';
import { listDevices, revokeDevice, revokeOthers } from '../../accounts/devices.ts';
import { signOut } from '../../accounts/sign-in.ts';
import type { AppEnv } from '../../http/app-env.ts';
import { sourceOf } from '../../http/source.ts';
import { shownLine } from '../design/shown.ts';
import { counted } from '../design/words.ts';
import type { Page } from '../frame/answer.tsx';
import { dropCookie, readCookie } from '../frame/cookies.ts';
import { onForm, type PageRequest, showPage } from '../frame/page.ts';
import { attemptOf } from './browser.ts';
import { SettingsBody } from './settings-body.tsx';
import { type Made, makeFromForm, statusOf } from './tokens-part.tsx';

const back = () => '/settings';

export function mountSettings(app: Hono<AppEnv>): void {
  showPage(app, { path: '/settings' }, async (request) => accept(await settingsPage(request)));

  onForm(app, { path: '/settings/password', back }, async (request) => {
    const { form, auth, deps, context } = request;
    const attempt = attemptOf(context, readCookie(context, 'session'));
    const [current, next] = [form.text('current'), form.text('next')];
    const changed = await changePassword(deps, auth, { ...attempt, current, next });
    if (!changed.ok) return accept(await settingsPage(request, { refusal: changed.refusal }));
    const others = changed.value === 0 ? '' : ` ${counted(changed.value, 'other browser')} signed out.`;
    return accept({
      to: '/settings',
      receipt: { tone: 'done', text: `Your password was changed.${others}` },
    });
  });

  onForm(app, { path: '/settings/tokens', back }, async (request) =>
    accept(await settingsPage(request, { made: await makeFromForm(request) })),
  );

  onForm(app, { path: '/settings/devices/:mark/revoke', back }, async ({ params, auth, deps, context }) => {
    const revoked = await revokeDevice(deps, auth, { mark: params.mark ?? '', source: sourceOf(context) });
    if (!revoked.ok) return revoked;
    const text = `${shownLine(revoked.value.name)} is revoked. Open connections close within 30 seconds.`;
    return accept({ to: '/settings', receipt: { tone: 'done', text } });
  });

  onForm(app, { path: '/settings/devices/revoke-others', back }, async ({ auth, deps, context }) => {
    const count = await revokeOthers(deps, auth, { onlyBrowsers: false, source: sourceOf(context) });
    const text = `${counted(count, 'other device')} signed out. Open connections close within 30 seconds.`;
    return accept({ to: '/settings', receipt: { tone: 'done', text } });
  });

  onForm(app, { path: '/logout', back: () => '/login' }, async ({ auth, deps, context }) => {
    await signOut(deps, auth, sourceOf(context));
    dropCookie(context, 'session');
    return accept({ to: '/login', receipt: { tone: 'done', text: 'You are signed out.' } });
  });
}

async function settingsPage(
  { auth, deps }: PageRequest,
  { refusal, made }: { refusal?: Refusal; made?: Made } = {},
): Promise<Page> {
  const devices = await listDevices(deps, auth);
  return {
    title: 'Settings',
    place: 'settings',
    status: refusal === undefined ? statusOf(made) : HTTP_STATUS[refusal.code],
    body: <SettingsBody user={auth} devices={devices} now={deps.now} refusal={refusal} made={made} />,
  };
}
