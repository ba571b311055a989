/** `npm run deploy -- --rollback`: goes back to an earlier version of the server. The database stays as it is. */

import { UsageError } from '../local/words.ts';
import { mustRun, readJson } from './wrangler.ts';

interface Version {
  id: string;
  annotations?: { 'workers/message'?: string; 'workers/tag'?: string };
}

interface Deployment {
  created_on: string;
  versions: { version_id: string; percentage: number }[];
}

const WITH_SCHEMA = /with migrations up to (\S+)/;

/** The message that a deploy gives its version. A rollback reads it. */
export function messageOf(version: string, migration: string): string {
  return `${version} with migrations up to ${migration}`;
}

export interface Rollback {
  /** The version to go back to. If absent, the one that ran before. */
  to: string | undefined;
  acceptsNewerSchema: boolean;
  isDryRun: boolean;
}

/** Returns what was done, for the operator. */
export function rollBack(options: Rollback): string {
  const versions = readJson<Version[]>('The versions cannot be listed', ['versions', 'list', '--json']);
  const running = runningVersions();
  const target = options.to ?? running.find((id) => id !== running[0]);
  if (target === undefined)
    throw new UsageError('No other version has run before.', 'Deploy an earlier commit instead.');
  if (target === running[0])
    throw new UsageError(`Version ${target} runs already.`, 'Name another one with --to.');
  const describe = (id: string | undefined) =>
    versions.find((version) => version.id === id)?.annotations?.['workers/message'] ?? 'no message';
  const [from, to] = [describe(running[0]), describe(target)];
  requireSameSchema({ from, to, target }, options);
  if (options.isDryRun) return `This would go back from “${from}” to “${to}” (${target}).`;
  mustRun(
    'The server was not rolled back',
    ['rollback', target, '--yes', '--message', `Back from ${from} to ${to}`],
    { isShown: true },
  );
  return `The server runs “${to}” again. Secrets and the database are as before the rollback.`;
}

/** The version of each deployment, newest first. */
function runningVersions(): string[] {
  return readJson<Deployment[]>('The deployments cannot be listed', ['deployments', 'list', '--json'])
    .toSorted((one, other) => other.created_on.localeCompare(one.created_on))
    .flatMap(({ versions }) => versions.toSorted((a, b) => b.percentage - a.percentage).slice(0, 1))
    .map(({ version_id: id }) => id);
}

/** An older server may not understand a newer schema, so the operator must confirm that the schema is compatible. */
function requireSameSchema(
  { from, to, target }: { from: string; to: string; target: string },
  { acceptsNewerSchema }: Rollback,
): void {
  const [now, then] = [WITH_SCHEMA.exec(from)?.[1], WITH_SCHEMA.exec(to)?.[1]];
  if (acceptsNewerSchema || (now !== undefined && now === then)) return;
  throw new UsageError(
    `The database has the migrations of “${from}”, and version ${target} is “${to}”.`,
    'Read docs/operations.md, "Roll back": deploy a repaired version if you can. If the older server works with this database, add --accept-newer-schema.',
  );
}
