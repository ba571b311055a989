/** What hono carries through a request. */

import type { Deps } from './deps.ts';
import type { SignedIn } from './services/sign-in.ts';

export interface AppEnv {
  Bindings: Env;
  Variables: {
    deps: Deps;
    requestId: string;
    /** Absent: no token, or one that does not count. */
    auth: SignedIn | undefined;
  };
}
