/** The frame around every page: head, navigation, the receipt of the last order, and the list of keys. */

import type { Child } from 'hono/jsx';
import { assetPath } from '../design/assets.ts';
import { shownLine } from '../design/shown.ts';
import { Icon, type IconName } from './icons.tsx';
import { Receipt, type Receipted } from './notes.tsx';

export type Place = 'inbox' | 'send' | 'jobs' | 'ideas' | 'console' | 'settings';

interface Link {
  place: Place;
  path: string;
  label: string;
  icon: IconName;
}

const LINKS: readonly Link[] = [
  { place: 'inbox', path: '/inbox', label: 'Inbox', icon: 'inbox' },
  { place: 'send', path: '/send', label: 'Send', icon: 'send' },
  { place: 'jobs', path: '/jobs', label: 'Jobs', icon: 'jobs' },
  { place: 'ideas', path: '/ideas', label: 'Ideas', icon: 'ideas' },
];
const CONSOLE: Link = {
  place: 'console',
  path: '/dashboard/admin/runners',
  label: 'Console',
  icon: 'console',
};

/** The parts of the account that the frame shows. */
export interface Viewer {
  name: string;
  role: 'member' | 'operator';
}

export interface LayoutProps {
  title: string;
  place?: Place | undefined;
  /** Absent if nobody is signed in. */
  viewer?: Viewer | undefined;
  receipt?: Receipted | undefined;
  /** How often the browser reads the marked regions of the page again, in seconds. */
  liveSeconds?: number | undefined;
  children: Child;
}

export function Layout({ title, place, viewer, receipt, liveSeconds, children }: LayoutProps) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover" />
        <meta name="color-scheme" content="light dark" />
        <meta name="theme-color" content="#f6f6f8" media="(prefers-color-scheme: light)" />
        <meta name="theme-color" content="#131418" media="(prefers-color-scheme: dark)" />
        <title>{`${shownLine(title, 80)} · ORP Runner`}</title>
        <link rel="stylesheet" href={assetPath('app.css')} />
        <link rel="icon" href={assetPath('icon.svg')} type="image/svg+xml" />
        <link rel="manifest" href={assetPath('orp.webmanifest')} />
        <script src={assetPath('live.js')} defer></script>
      </head>
      <body>
        <a class="skip" href="#main">
          Skip to the content
        </a>
        {viewer && <Header viewer={viewer} place={place} />}
        <main id="main" data-live-seconds={liveSeconds}>
          {receipt && <Receipt {...receipt} />}
          {children}
        </main>
        <Keys />
      </body>
    </html>
  );
}

function Header({ viewer, place }: { viewer: Viewer; place: Place | undefined }) {
  const links = viewer.role === 'operator' ? [...LINKS, CONSOLE] : LINKS;
  return (
    <header class="top">
      <a class="brand" href="/inbox">
        <img src={assetPath('icon.svg')} width="24" height="24" alt="" />
        <span>ORP Runner</span>
      </a>
      <nav class="tabs" aria-label="Main">
        {links.map((link) => (
          <a href={link.path} aria-current={link.place === place ? 'page' : undefined}>
            <Icon name={link.icon} />
            <span>{link.label}</span>
          </a>
        ))}
      </nav>
      <a class="account" href="/settings" aria-current={place === 'settings' ? 'page' : undefined}>
        {shownLine(viewer.name, 24) || 'Settings'}
      </a>
    </header>
  );
}

/** The list of keys, which `?` opens. */
function Keys() {
  return (
    <dialog id="keys" aria-labelledby="keys-title">
      <h2 id="keys-title">Keys</h2>
      <dl class="facts">
        <dt>
          <kbd>j</kbd> <kbd>k</kbd>
        </dt>
        <dd>Next and previous row</dd>
        <dt>
          <kbd>Enter</kbd>
        </dt>
        <dd>Open the row</dd>
        <dt>
          <kbd>/</kbd>
        </dt>
        <dd>Go to the filter</dd>
        <dt>
          <kbd>Esc</kbd>
        </dt>
        <dd>Close, or leave the field</dd>
        <dt>
          <kbd>?</kbd>
        </dt>
        <dd>Show these keys</dd>
      </dl>
      <form method="dialog">
        <button type="submit" class="button">
          Close
        </button>
      </form>
    </dialog>
  );
}
