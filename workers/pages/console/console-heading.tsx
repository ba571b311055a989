/** The heading of every page of the console. It links the parts of the console and can pause live updates. */

import type { Child } from 'hono/jsx';
import { Heading } from '../parts/lists.tsx';
import { PATHS } from './paths.ts';

const PARTS = [
  { part: 'machines', label: 'Machines' },
  { part: 'jobs', label: 'Jobs' },
  { part: 'charts', label: 'Charts' },
  { part: 'bulk', label: 'Bulk' },
  { part: 'people', label: 'People' },
  { part: 'audit', label: 'Audit' },
] as const;
type Part = (typeof PARTS)[number]['part'];

interface Props {
  part?: Part;
  title: Child;
  aside?: Child;
  /** True if the page renews itself, so that people can pause it. */
  isLive?: boolean;
  actions?: Child;
}

export function ConsoleHeading({ part, title, aside, isLive = false, actions }: Props) {
  return (
    <>
      <nav class="subtabs" aria-label="Console">
        {PARTS.map((one) => (
          <a href={PATHS[one.part]} aria-current={one.part === part ? 'page' : undefined}>
            {one.label}
          </a>
        ))}
      </nav>
      <Heading
        title={title}
        aside={aside}
        actions={
          <>
            {actions}
            {isLive && (
              <button type="button" class="button" data-script data-pause>
                Pause updates
              </button>
            )}
          </>
        }
      />
    </>
  );
}
