/** The frame around every page: head, navigation, the receipt of the last order, and the list of keys. */

import type { Child } from 'hono/jsx';
import { assetPath } from '../design/assets.ts';
import { shownLine } from '../design/shown.ts';
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
        <link rel="apple-touch-icon" href={assetPath('icon-180.png')} />
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

/** The icons of the tabs. They are drawn with lines of one width in the color of the text. */
const PATHS = {
  inbox: 'M3 13h5l1.5 3h5L16 13h5M5.5 5h13L21 13v6H3v-6z',
  send: 'M21 3 10 14M21 3l-7 18-4-7-7-4z',
  jobs: 'M8 6h13M8 12h13M8 18h13M3.5 6h.01M3.5 12h.01M3.5 18h.01',
  ideas: 'M9 18h6M10 21h4M12 3a6 6 0 0 0-4 10.5c.8.8 1 1.500 1 2.500h6c0-1 .2-1.700 1-2.500A6 6 0 0 0 12 3z',
  console: 'M3 4h18v16H3zM7 9l3 3-3 3M13 15h4',
  settings:
    'M12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM19 12l2-1-1-3-2.300.300L16 6.500 16 4h-3l-1-1-1 1H8v2.500L6.300 8.300 4 8l-1 3 2 1-2 1 1 3 2.300-.300L8 17.500V20h3l1 1 1-1h3v-2.500l1.700-1.800L20 16l1-3z',
} as const;
export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" width="22" height="22" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
