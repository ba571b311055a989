/** The application: what every request passes through, then the routes. */

import { Hono } from 'hono';
import { secureHeaders } from 'hono/secure-headers';
import { ROWS } from '../spec/contract/rows.ts';
import { refuse } from '../spec/errors.ts';
import type { AppEnv } from './app-env.ts';
import { makeDeps } from './deps.ts';
import { refusalResponse } from './middleware/refusals.ts';
import { mountAuth } from './routes/auth.ts';
import { mountFeatures } from './routes/features.ts';
import { mountIdeas } from './routes/ideas.ts';
import { mountJobs } from './routes/jobs.ts';
import { mountRunner } from './routes/runner.ts';
import { authenticate } from './services/sign-in.ts';
import { DatabaseUnavailable } from './store/database.ts';

/** Tokens are `dvt_` and 43 characters; anything much longer is not looked up. */
const BEARER = /^Bearer ([\x21-\x7e]{1,200})$/i;

export function makeApp(): Hono<AppEnv> {
  const app = new Hono<AppEnv>();

  app.use(secureHeaders());
  app.use(async function begin(context, next) {
    const requestId = `req_${crypto.randomUUID().replaceAll('-', '')}`;
    context.set('requestId', requestId);
    context.set(
      'deps',
      makeDeps({ env: context.env, requestId, waitUntil: (work) => context.executionCtx.waitUntil(work) }),
    );
    await next();
    context.header('X-Request-Id', requestId);
    if (!context.res.headers.has('Cache-Control')) context.header('Cache-Control', 'no-store');
  });
  app.use('/api/cli/*', async function signedIn(context, next) {
    const token = BEARER.exec(context.req.header('authorization') ?? '')?.[1];
    if (token !== undefined) context.set('auth', await authenticate(context.get('deps'), token));
    await next();
  });

  mountAuth(app);
  mountIdeas(app);
  mountFeatures(app);
  mountRunner(app);
  mountJobs(app);

  app.notFound((context) => {
    const allowed = methodsOf(context.req.path);
    const { refusal } =
      allowed.length > 0
        ? refuse(
            'method_not_allowed',
            `${context.req.method} is not allowed here.`,
            `Use ${allowed.join(' or ')}.`,
          )
        : refuse('route_not_found', 'There is no such route.');
    if (allowed.length > 0) context.header('Allow', allowed.join(', '));
    return refusalResponse(context, refusal);
  });
  app.onError((error, context) => {
    const isPassing =
      error instanceof DatabaseUnavailable || (error as { overloaded?: boolean }).overloaded === true;
    context
      .get('deps')
      .log(isPassing ? 'unavailable' : 'internal_error', { message: error.message, stack: error.stack });
    const { refusal } = isPassing
      ? refuse(
          'unavailable',
          'The service is busy or restarting.',
          'Send the same request again in a moment.',
        )
      : refuse(
          'internal',
          'Something went wrong on our side.',
          'Try again; name the request id if it stays.',
        );
    const response = refusalResponse(context, refusal);
    response.headers.set('X-Request-Id', context.get('requestId'));
    return response;
  });
  return app;
}

/** The methods that a path has. */
function methodsOf(path: string): string[] {
  return ROWS.filter((row) => new RegExp(`^${row.path.replace(/:\w+/g, '[^/]+')}$`).test(path)).map(
    (row) => row.method,
  );
}
