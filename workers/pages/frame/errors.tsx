/** Renders the errors of page routes as pages that say what happened and where to go next. */

import type { Context } from 'hono';
import { HTTP_STATUS, type Refusal } from '../../../spec/errors.ts';
import { isPassingFailure } from '../../base/failures.ts';
import type { AppEnv } from '../../http/app-env.ts';
import { shown } from '../design/shown.ts';
import { type Page, respond } from './answer.tsx';

interface Failure {
  status: NonNullable<Page['status']>;
  title: string;
  message: string;
  hint?: string | undefined;
  /** The id under which the log of the server lists the error. */
  requestId?: string;
}

export function errorPage(context: Context<AppEnv>, failure: Failure) {
  const { status, title, message, hint, requestId } = failure;
  const body = (
    <section class="narrow">
      <p class="quiet">{status}</p>
      <h1>{title}</h1>
      <p>{shown(message, 1000)}</p>
      {hint && <p class="quiet">{shown(hint, 500)}</p>}
      {requestId && (
        <p class="quiet">
          Request <code>{requestId}</code>
        </p>
      )}
      <p>
        <a class="button" href="/inbox">
          Go to the inbox
        </a>
      </p>
    </section>
  );
  return respond(context, { title, body, status });
}

export function missingPage(context: Context<AppEnv>) {
  return errorPage(context, {
    status: 404,
    title: 'There is no such page',
    message: 'The address may be mistyped, or what it showed is gone.',
  });
}

/** Shown to members who open the console, which is only for operators. */
export function forbiddenPage(context: Context<AppEnv>) {
  return errorPage(context, {
    status: 403,
    title: 'This page is for operators',
    message: 'Your account is a member of this server and sees its own work only.',
    hint: 'Ask an operator of this server if you need the console.',
  });
}

const TITLES: Partial<Record<Refusal['code'], string>> = {
  not_found: 'Not found',
  too_many_requests: 'Too many requests',
  unavailable: 'The server is busy',
};

/** Shows a refusal for which there is no form to show it. */
export function refusalPage(context: Context<AppEnv>, { code, message, hint }: Refusal) {
  return errorPage(context, {
    status: HTTP_STATUS[code],
    title: TITLES[code] ?? 'That did not work',
    message,
    hint,
  });
}

/** Shows an unexpected error: a bug or an outage of the platform. Only the log contains the message of the error. */
export function unexpectedPage(error: Error, context: Context<AppEnv>) {
  const isPassing = isPassingFailure(error);
  const fields = { message: error.message, stack: isPassing ? undefined : error.stack };
  context.get('deps').log(isPassing ? 'unavailable' : 'internal_error', fields);
  const requestId = context.get('requestId');
  return isPassing
    ? errorPage(context, {
        status: 503,
        title: 'The server is busy',
        message: 'It is restarting, or its database does not answer.',
        hint: 'Reload the page in a moment. Runners keep working meanwhile.',
        requestId,
      })
    : errorPage(context, {
        status: 500,
        title: 'Something went wrong on the server',
        message: 'Your order may or may not have been carried out.',
        hint: 'Go back and look. If it happens again, report the request id.',
        requestId,
      });
}
