/** Where programs are looked for by their names. */

import { delimiter, isAbsolute } from 'node:path';

/** Where the tools of the system are. */
const SYSTEM_FOLDERS = ['/usr/bin', '/bin'];

/** The PATH for a tool that `orp` starts by its name. A blank one would stand for the current directory. */
export function toolPath(env: NodeJS.ProcessEnv): string {
  const folders = absoluteFolders(env.PATH);
  return (folders.length === 0 ? SYSTEM_FOLDERS : folders).join(delimiter);
}

/** The folders of a PATH in which programs are looked for. */
export function absoluteFolders(path: string | undefined): string[] {
  return (path ?? '').split(delimiter).filter((folder) => isAbsolute(folder));
}
