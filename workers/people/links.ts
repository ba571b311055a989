/** The paths of one-time links. They lead to pages with a form. */

import type { LinkPurpose } from '../store/schema.ts';

export const LINK_PAGES: Readonly<Record<LinkPurpose, string>> = {
  setup: '/setup',
  invitation: '/join',
  password: '/reset-password',
};

export function linkPath(purpose: LinkPurpose, token: string): string {
  return `${LINK_PAGES[purpose]}?token=${encodeURIComponent(token)}`;
}
