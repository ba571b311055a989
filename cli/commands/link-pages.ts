/** `orp link status` and `orp link doctor` for a person at a terminal. */

import { advicePage, facts, said } from '../output/page.ts';
import type { Rich } from '../output/text-output.ts';
import type { Issue } from '../status/link-doctor.ts';
import type { LinkStatus } from '../status/link-status.ts';

/** What is linked, and what is missing to take work. */
export function linkStatusPage(status: LinkStatus): Rich {
  const text = (record: object, key: string): string => String(Reflect.get(record, key) ?? '');
  const { project_link: link, primary_session: primary, session_counts: counts, hosted_auth } = status;
  const isReady = status.routing_ready && hosted_auth.connected;
  const headline = isReady ? 'This repository can take work.' : 'This repository cannot take work yet.';
  return [
    said(isReady ? 'done' : 'idle', headline),
    '\n',
    facts([
      ['Repository', status.repo_root],
      ['Idea', status.project_link_exists ? text(link, 'idea_title') || text(link, 'idea_id') : 'not linked'],
      ['World', text(status.hosted_world, 'name') || text(link, 'world_name')],
      ['Sessions', `${counts.routeable} of ${counts.total} can take work`],
      ['Primary', text(primary, 'label')],
      ['Account', hosted_auth.connected ? hosted_auth.email : 'not signed in'],
    ]),
    advicePage(status),
  ];
}

interface Findings {
  ok: boolean;
  errors: number;
  warnings: number;
  issues: readonly Issue[];
}

/** What is wrong; nothing, in one line. */
export function doctorPage({ ok, errors, warnings, issues }: Findings): Rich {
  const count = (many: number, word: string) => `${many} ${many === 1 ? word : `${word}s`}`;
  if (issues.length === 0) return said('done', 'Nothing is wrong with the links of this repository.');
  const sentence = `${count(errors, 'error')}, ${count(warnings, 'warning')}.`;
  return [
    said(ok ? 'done' : 'failed', sentence),
    '\n',
    issues.map(({ severity, message, code }) =>
      said(severity === 'error' ? 'failed' : 'warning', `${message} (${code})`),
    ),
  ];
}
