/** The page that signs in a terminal. A person types the code of the terminal, sees which machine asks, and decides. */

import type { Hono } from 'hono';
import { accept, HTTP_STATUS, type Refusal } from '../../../spec/errors.ts';
import type { AppEnv } from '../../http/app-env.ts';
import { sourceOf } from '../../http/source.ts';
import { approveDevice, denyDevice, showDevice, type WaitingDevice } from '../../people/device-flow.ts';
import { shownLine } from '../design/shown.ts';
import type { Page } from '../frame/answer.tsx';
import { type FormRequest, onForm, type PageRequest, showPage } from '../frame/page.ts';
import { Action, Field } from '../parts/forms.tsx';
import { Facts } from '../parts/lists.tsx';
import { ErrorNote } from '../parts/notes.tsx';
import { Time } from '../parts/texts.tsx';

const PATH = '/device';
const back = () => PATH;

export function mountDevicePage(app: Hono<AppEnv>): void {
  showPage(app, { path: PATH }, async (request) => accept(await devicePage(request)));

  onForm(app, { path: `${PATH}/approve`, back }, async (request) => {
    const approved = await approveDevice(request.deps, request.auth, orderOf(request));
    if (!approved.ok) return accept(codePage(orderOf(request).userCode, approved.refusal));
    const text = `${shownLine(approved.value.deviceName, 80)} is signed in as ${request.auth.email}. You can close this page.`;
    return accept({ to: '/settings', receipt: { tone: 'done', text } });
  });

  onForm(app, { path: `${PATH}/deny`, back }, async (request) => {
    const denied = await denyDevice(request.deps, request.auth, orderOf(request));
    if (!denied.ok) return accept(codePage(orderOf(request).userCode, denied.refusal));
    const text = `${shownLine(denied.value.deviceName, 80)} was not signed in.`;
    return accept({ to: PATH, receipt: { tone: 'done', text } });
  });
}

function orderOf({ form, context }: FormRequest) {
  return { userCode: form.text('code'), source: sourceOf(context) };
}

/** Shows the terminal of a code. Without a code, shows the form for the code. */
async function devicePage({ query, auth, deps }: PageRequest): Promise<Page> {
  const userCode = query.get('code')?.trim() ?? '';
  if (userCode === '') return codePage('');
  const waiting = await showDevice(deps, auth, userCode);
  if (!waiting.ok) return codePage(userCode, waiting.refusal);
  const body = <Decision device={waiting.value} email={auth.email} now={deps.now} />;
  return { title: 'Sign in a terminal', place: 'settings', body };
}

function codePage(code: string, refusal?: Refusal): Page {
  return {
    title: 'Sign in a terminal',
    place: 'settings',
    status: refusal === undefined ? 200 : HTTP_STATUS[refusal.code],
    body: <CodeForm code={code} refusal={refusal} />,
  };
}

function CodeForm({ code, refusal }: { code: string; refusal: Refusal | undefined }) {
  return (
    <section class="narrow">
      <h1>Sign in a terminal</h1>
      <p class="quiet">
        On the Mac, <code>orp auth login</code> shows a code with eight letters.
      </p>
      <ErrorNote refusal={refusal} />
      <form method="get" action={PATH}>
        <Field name="code" label="Code">
          <input
            id="field-code"
            name="code"
            value={code.slice(0, 20)}
            required
            maxlength={20}
            autocomplete="off"
            autocapitalize="characters"
            spellcheck={false}
            autofocus
            class="code"
          />
        </Field>
        <button type="submit" class="button button-main">
          Continue
        </button>
      </form>
    </section>
  );
}

function Decision({ device, email, now }: { device: WaitingDevice; email: string; now: number }) {
  const { userCode, deviceName, network, source, createdAt } = device;
  return (
    <section class="narrow">
      <h1>Sign in {shownLine(deviceName, 80)}?</h1>
      <p>
        Whoever holds this terminal then works as {shownLine(email, 120)}: they see your jobs and send prompts
        to your machines. Approve it only if you have just started the sign-in yourself.
      </p>
      <Facts
        facts={[
          ['Code', <code>{userCode}</code>],
          ['Machine', shownLine(deviceName, 200)],
          ['Network', shownLine(network, 80)],
          ['Program', shownLine(source, 200)],
          ['Asked', <Time at={createdAt} now={now} />],
        ]}
      />
      <div class="actions">
        <Action action={`${PATH}/approve`} label="Approve" values={{ code: userCode }} look="main" />
        <Action action={`${PATH}/deny`} label="Deny" values={{ code: userCode }} look="danger" />
      </div>
    </section>
  );
}
