/** The path of the service definition, in its own file so that a status loads nothing else. */

import { join } from 'node:path';
import { folderOf, homeOf } from '../files/paths.ts';

/** The service name in launchd. */
export const SERVICE_LABEL = 'orp.runner';
/** The service name in systemd. */
export const SERVICE_UNIT = 'orp-runner.service';

/** Undefined on systems without services. */
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
