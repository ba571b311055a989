/** Mounts all pages, with the checks of connections and forms, and the assets that the pages load. */

import { type Context, Hono, type Next } from 'hono';
import type { AppEnv } from '../http/app-env.ts';
import { mountDevicePage } from './account/device-page.tsx';
import { mountLinkPages } from './account/links.tsx';
import { mountLogin } from './account/login.tsx';
import { mountSettings } from './account/settings.tsx';
import { mountApiDocs } from './api-docs/api-page.tsx';
import { mountBulk } from './console/bulk/bulk-page.tsx';
import { mountCharts } from './console/charts/charts-page.tsx';
import { mountConsole } from './console/mount.tsx';
import { presentPath } from './design/assets.ts';
import { errorPage, missingPage, unexpectedPage } from './frame/answer.tsx';
import { mountIdeaPages } from './ideas/mount.tsx';
import { mountInbox } from './inbox/inbox-page.tsx';
import { mountJobPages } from './jobs/mount.tsx';
import { mountPeople } from './people/mount.tsx';
import { mountSessionPages } from './sessions/mount.tsx';

const BRIEFLY = 'public, max-age=60';

export function makePages(): Hono<AppEnv> {
  const pages = new Hono<AppEnv>();

  pages.use(securelyOnly);
  pages.use(sameOrigin);

  // The platform has the files of this deploy. A page of another deploy requests another hash, and gets the present file.
  pages.get('/assets/*', (context) => {
    const present = presentPath(context.req.path);
    if (present === undefined) return missingPage(context);
    context.header('Cache-Control', BRIEFLY);
    return context.redirect(present, 302);
  });
  pages.get('/', (context) => context.redirect('/inbox', 302));

  mountApiDocs(pages);
  mountLogin(pages);
  mountLinkPages(pages);
  mountDevicePage(pages);
  mountSettings(pages);
  mountInbox(pages);
  mountJobPages(pages);
  mountSessionPages(pages);
  mountIdeaPages(pages);
  mountConsole(pages);
  mountBulk(pages);
  mountCharts(pages);

  mountPeople(pages);

  pages.all('*', missingPage);
  pages.onError(unexpectedPage);
  return pages;
}

/** Accepts forms only from pages of this server, and serves pages only over secure connections. */
const READS: readonly string[] = ['GET', 'HEAD'];

export async function sameOrigin(context: Context<AppEnv>, next: Next): Promise<Response | undefined> {
  if (READS.includes(context.req.method) || isFromHere(context)) {
    await next();
    return undefined;
  }
  return errorPage(context, {
    status: 403,
    title: 'This form came from another site',
    message: 'The server accepts forms from its own pages only.',
    hint: 'Open the page here and try again.',
  });
}

/** All current browsers send `Sec-Fetch-Site`. Older browsers send `Origin` with a form. */
function isFromHere({ req }: Context<AppEnv>): boolean {
  const site = req.header('sec-fetch-site');
  return site === undefined ? req.header('origin') === new URL(req.url).origin : site === 'same-origin';
}

const LOOPBACK = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/;

/** Plain http is served only on loopback, because others could read passwords on the network. */
export async function securelyOnly(context: Context<AppEnv>, next: Next): Promise<Response | undefined> {
  const url = new URL(context.req.url);
  if (url.protocol === 'https:' || LOOPBACK.test(url.hostname)) {
    await next();
    return undefined;
  }
  url.protocol = 'https:';
  return context.redirect(url.toString(), 308);
}
