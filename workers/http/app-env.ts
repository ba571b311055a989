/** The variables that Hono passes through a request. */

import type { SignedIn } from '../accounts/authenticate.ts';
import type { Deps } from '../base/deps.ts';

/** The ids that the request has named so far. */
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
    /** The real time of arrival. */
    startedAt: number;
    /** Undefined without a valid token. */
    auth: SignedIn | undefined;
    /** The ids in the request, for the log. Never contents. */
    about: AboutRequest | undefined;
  };
}
