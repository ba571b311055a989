/** `node scripts/static-files.ts`: writes the static files of the server. wrangler runs it before it bundles the Worker. */

import { writeStaticFiles } from './local/static-files.ts';

writeStaticFiles();
