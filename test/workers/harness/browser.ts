/** A browser that is signed in to the pages: reads them, sends their forms, and keeps their cookies. */

import { env, exports } from 'cloudflare:workers';
import { expect } from 'vitest';
import { makeId } from '../../../spec/ids.ts';
import { currentTime } from './clock.ts';
import { type Person, randomBytes, sha256Hex } from './people.ts';

const ORIGIN = 'https://orp.test';

export interface Shown {
  status: number;
  headers: Headers;
  /** Where a redirect goes. */
  location: string | null;
  html: string;
  /** What a person reads: the page without its tags. */
  text: string;
}

/** Fetches a path as the platform does: from the static files first, then from the Worker. */
export async function fetchAsPlatform(path: string, init: RequestInit = {}): Promise<Response> {
  const url = new URL(path, ORIGIN);
  if ((init.method ?? 'GET') === 'GET' && !url.pathname.startsWith('/api/')) {
    const file = await env.ASSETS.fetch(url, init);
    if (file.status !== 404) return file;
    await file.body?.cancel();
  }
  return exports.default.fetch(url, init);
}

export class Browser {
  readonly cookies = new Map<string, string>();

  async get(path: string, headers: Record<string, string> = {}): Promise<Shown> {
    return this.#send(path, { headers });
  }

  /** Sends a form as a browser does from our own page. */
  async post(
    path: string,
    values: Record<string, string> = {},
    headers: Record<string, string> = { 'Sec-Fetch-Site': 'same-origin' },
  ): Promise<Shown> {
    return this.#send(path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded', ...headers },
      body: new URLSearchParams(values).toString(),
    });
  }

  /** Sends a form and reads the page that it leads to. */
  async postAndFollow(path: string, values: Record<string, string> = {}): Promise<Shown> {
    const sent = await this.post(path, values);
    expect(sent.status, sent.text).toBe(303);
    return this.get(sent.location ?? '');
  }

  async #send(path: string, init: RequestInit & { headers: Record<string, string> }): Promise<Shown> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const headers = cookie === '' ? init.headers : { ...init.headers, Cookie: cookie };
    const response = await fetchAsPlatform(path, { redirect: 'manual', ...init, headers });
    for (const set of response.headers.getSetCookie()) this.#keep(set);
    const html = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      location: response.headers.get('location'),
      html,
      text: textOf(html),
    };
  }

  #keep(set: string): void {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(set) ?? [];
    if (/max-age=0\b/i.test(set)) this.cookies.delete(name);
    else this.cookies.set(name, value);
  }
}

/** A browser with a session of this person, without the sign-in. */
export async function aBrowser(person: Pick<Person, 'userId'>): Promise<Browser> {
  const token = `dvt_${makeId('request', currentTime(), randomBytes(32))}`;
  await env.DB.prepare(
    "INSERT INTO device_tokens (hash, user_id, device_name, created_at, kind) VALUES (?, ?, ?, ?, 'browser')",
  )
    .bind(await sha256Hex(token), person.userId, 'Firefox on Linux', currentTime())
    .run();
  const browser = new Browser();
  browser.cookies.set('__Host-orp', token);
  return browser;
}

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', '#39': "'", amp: '&' };

function textOf(html: string): string {
  return html
    .replace(/<[^>]*>/g, ' ')
    .replace(/&(lt|gt|quot|#39|amp);/g, (_, name: string) => ENTITIES[name] ?? '')
    .replace(/\s+/g, ' ');
}
