import { fileURLToPath } from 'node:url';

/** Returns the absolute path of a file of this project, so that scripts work from any folder. */
export function projectPath(relative: string): string {
  return fileURLToPath(new URL(`../../${relative}`, import.meta.url));
}
