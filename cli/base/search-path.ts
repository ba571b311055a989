/** The folders in which `orp` looks for programs. */

import { delimiter, isAbsolute } from 'node:path';

/** The folders of the system's tools. */
const SYSTEM_FOLDERS = ['/usr/bin', '/bin'];

/** The PATH for tools that `orp` starts by name. An empty PATH would mean the current directory. */
export function toolPath(env: NodeJS.ProcessEnv): string {
  const folders = absoluteFolders(env.PATH);
  return (folders.length === 0 ? SYSTEM_FOLDERS : folders).join(delimiter);
}

/** The folders of a PATH. */
export function absoluteFolders(path: string | undefined): string[] {
  return (path ?? '').split(delimiter).filter((folder) => isAbsolute(folder));
}
