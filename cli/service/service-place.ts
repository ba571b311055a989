/** Where the definition of the service stands. Nothing else is here, so that a status need not load the rest. */

import { join } from 'node:path';
import { folderOf, homeOf } from '../files/paths.ts';

/** The name under which launchd knows the service. */
export const SERVICE_LABEL = 'orp.runner';
/** The name under which systemd knows it. */
export const SERVICE_UNIT = 'orp-runner.service';

/** Undefined on systems without services. Asks nobody. */
export function servicePath(env: NodeJS.ProcessEnv, platform: NodeJS.Platform): string | undefined {
  if (platform === 'darwin') return join(homeOf(env), 'Library', 'LaunchAgents', `${SERVICE_LABEL}.plist`);
  if (platform !== 'linux') return undefined;
  return join(
    folderOf(env, 'XDG_CONFIG_HOME') ?? join(homeOf(env), '.config'),
    'systemd',
    'user',
    SERVICE_UNIT,
  );
}
