import { CliError } from './exit.ts';

/** The oldest Node with a WebSocket and the promise helpers that the runner uses. */
const OLDEST = { major: 22, minor: 12 };

/** Throws a usage error on a Node that is too old; without it a runner would fail in the middle of a job. */
export function requireNode(version: string): void {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > OLDEST.major || (major === OLDEST.major && minor >= OLDEST.minor)) return;
  throw new CliError(`Node ${version} is too old for orp.`, {
    code: 'node_too_old',
    hint: `Install Node ${OLDEST.major}.${OLDEST.minor} or newer, then run the same command again.`,
  });
}
