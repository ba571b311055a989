/** What Hono carries through a request. */

import type { SignedIn } from '../accounts/authenticate.ts';
import type { Deps } from '../base/deps.ts';

/** Ids of a request, as far as it has them. */
export interface AboutRequest {
  jobId?: string | undefined;
  machineId?: string | undefined;
  leaseId?: string | undefined;
}

export interface AppEnv {
  Bindings: Env;
  Variables: {
    deps: Deps;
    requestId: string;
    /** When it arrived, by the real clock. */
    startedAt: number;
    /** Absent: no token, or one that is not valid. */
    auth: SignedIn | undefined;
    /** What the request names, for the log: ids, never contents. */
    about: AboutRequest | undefined;
  };
}
