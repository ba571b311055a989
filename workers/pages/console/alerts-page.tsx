/** The page of all alerts. The first page of the console shows only some of them. */

import { accept } from '../../../spec/errors.ts';
import { readAlerts } from '../../overview/alerts.ts';
import type { PageRequest } from '../frame/page.ts';
import { AlertList } from './alert-list.tsx';
import { ConsoleHeading } from './console-heading.tsx';

/** The maximum number of alerts. It is small, so that the page stays below 60 kB. */
const SHOWN = 40;

export async function alertsPage({ deps }: PageRequest) {
  const found = await readAlerts(deps);
  const alerts = found.alerts.slice(0, SHOWN);
  const isCut = found.hasMore || found.alerts.length > SHOWN;
  return accept({
    title: 'Alerts',
    place: 'console' as const,
    liveSeconds: 5,
    body: (
      <>
        <ConsoleHeading title="Alerts" isLive />
        <div data-region="alerts">
          <AlertList {...found} alerts={alerts} hasMore={false} perKind={SHOWN} now={deps.now} />
          {isCut && <p class="quiet">There are more. They show when these are repaired.</p>}
        </div>
      </>
    ),
  });
}
