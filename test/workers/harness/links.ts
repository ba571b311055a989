/** Links that work once, as `npm start` and `npm run operator` write them. */

import { env } from 'cloudflare:workers';
import { BOUNDS } from '../../../spec/bounds.ts';
import { currentTime, DAY } from './clock.ts';
import { sha256Hex } from './people.ts';

/** Writes a set-up link and returns its token. */
export async function aSetupLink({ expiresAt = currentTime() + DAY } = {}): Promise<string> {
  const token = `lnk_${crypto.randomUUID()}${crypto.randomUUID()}`;
  await env.DB.prepare(
    `INSERT INTO one_time_links (hash, purpose, role, created_at, expires_at) VALUES (?, 'setup', 'operator', ?, ?)`,
  )
    .bind(await sha256Hex(token), currentTime(), expiresAt)
    .run();
  return token;
}

/** Makes every operator a member until the returned function is called, so that the server needs a set-up. */
export async function withoutOperators(): Promise<() => Promise<void>> {
  const { results } = await env.DB.prepare(
    "UPDATE users SET role = 'member' WHERE role = 'operator' RETURNING id",
  ).all<{
    id: string;
  }>();
  return async () => {
    for (const { id } of results)
      await env.DB.prepare("UPDATE users SET role = 'operator' WHERE id = ?").bind(id).run();
  };
}

/** What a person gives for a new account. */
export function aForm(token: string, change: Partial<Record<'email' | 'name' | 'password', string>> = {}) {
  const email = `${crypto.randomUUID()}@orp.test`;
  return {
    token,
    email,
    name: 'Mira',
    password: 'correct horse battery',
    address: 'local',
    source: 'test',
    ...change,
  };
}

/** As many open invitations as the server may have. */
export async function addInvitations(): Promise<void> {
  await env.DB.prepare(
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
     INSERT INTO one_time_links (hash, purpose, role, created_at, expires_at)
     SELECT 'filler' || i, 'invitation', 'member', 0, ?2 FROM n`,
  )
    .bind(BOUNDS.openInvitations, currentTime() + DAY)
    .run();
}

export async function removeInvitations(): Promise<void> {
  await env.DB.prepare("DELETE FROM one_time_links WHERE hash LIKE 'filler%'").run();
}

/** As many waiting terminals as the server may have, each of another network. */
export async function waitingTerminals(): Promise<void> {
  await env.DB.prepare(
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
     INSERT INTO device_requests (hash, user_code, device_name, network, source, created_at, expires_at, interval_ms)
     SELECT 'h' || i, 'c' || i, 'x', 'n' || i, 's', 0, ?2, 5000 FROM n`,
  )
    .bind(BOUNDS.deviceRequests, currentTime() + DAY)
    .run();
}

export async function forgetWaitingTerminals(): Promise<void> {
  await env.DB.prepare('DELETE FROM device_requests').run();
}
