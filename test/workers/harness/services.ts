/** Calls services as a page does: without HTTP in between. */

import { env } from 'cloudflare:workers';
import type { UserId } from '../../../spec/ids.ts';
import type { SignedIn } from '../../../workers/accounts/authenticate.ts';
import { type Deps, makeDeps } from '../../../workers/base/deps.ts';
import type { Person } from './people.ts';

/** The dependencies of one request, at the current time of the test. */
export function deps(): Deps {
  return makeDeps({ env, waitUntil: (work) => void work.catch(() => undefined) });
}

/** A person, as the server knows a request of theirs. */
export function signedIn({ userId, email }: Person, role: 'member' | 'operator' = 'member'): SignedIn {
  const token = { hash: 'none', kind: 'cli', scope: 'owner', deviceName: 'test', expiresAt: null } as const;
  return { id: userId as UserId, email, name: 'Mira', role, tokenHash: 'none', token };
}
