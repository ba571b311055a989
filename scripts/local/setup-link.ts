/** The one-time link for creating the first operator. It is valid for a day, and only while there is no operator. */

import { createHash, randomBytes } from 'node:crypto';

const LIFE_MS = 24 * 60 * 60_000;

export interface SetupLink {
  /** The path of the link on the server. */
  path: string;
  /**
   * The statements that add the link. They contain no values from people. They replace an earlier link, and do nothing
   * if there is an operator.
   */
  statements: readonly string[];
}

export function makeSetupLink(now: number): SetupLink {
  const token = `lnk_${randomBytes(32).toString('base64url')}`;
  const hash = createHash('sha256').update(token).digest('hex');
  return {
    path: `/setup?token=${token}`,
    statements: [
      "DELETE FROM one_time_links WHERE purpose = 'setup' AND used_at IS NULL",
      `INSERT INTO one_time_links (hash, purpose, role, created_at, expires_at)
       SELECT '${hash}', 'setup', 'operator', ${now}, ${now + LIFE_MS}
       WHERE NOT EXISTS (SELECT 1 FROM users WHERE role = 'operator') RETURNING hash`,
    ],
  };
}
