import { CliError } from './base/exit.ts';

/** The oldest Node version that has `WebSocket` and the promise functions that the runner uses. */
const OLDEST = { major: 22, minor: 12 };

/** Returns whether a Node can run every command. */
export function isNodeNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > OLDEST.major || (major === OLDEST.major && minor >= OLDEST.minor);
}

/** Throws if Node is too old, because a runner would otherwise fail during a job. */
export function requireNode(version: string): void {
  if (isNodeNewEnough(version)) return;
  throw new CliError(`Node ${version} is too old for orp.`, {
    code: 'node_too_old',
    hint: `Install Node ${OLDEST.major}.${OLDEST.minor} or newer, then run the command again. If you run orp from a clone of its repository, run \`npm run build\` in the clone: it then uses its own Node.`,
  });
}
