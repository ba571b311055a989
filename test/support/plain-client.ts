/** A client that uses only fetch, without schemas or other code of this repository. It keeps every answer. */

import { randomUUID } from 'node:crypto';

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
export type Answer = { [key: string]: Json };

export interface Exchange {
  request: string;
  status: number;
  body: Answer;
}

export class PlainClient {
  readonly url: string;
  readonly machineId: string;
  readonly exchanges: Exchange[] = [];
  #token = '';

  constructor(url: string, machineId: string = randomUUID()) {
    this.url = url;
    this.machineId = machineId;
  }

  async send(request: string, body?: object): Promise<Exchange> {
    const [method = 'GET', path = '/'] = request.split(' ');
    const headers: Record<string, string> = {
      'Content-Type': 'application/json',
      'Accept-Encoding': 'identity',
    };
    if (this.#token) headers.Authorization = `Bearer ${this.#token}`;
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers,
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await response.text();
    const answer = { request, status: response.status, body: (text ? JSON.parse(text) : {}) as Answer };
    this.exchanges.push(answer);
    return answer;
  }

  /** Sends a request that must succeed. Returns the body of the answer. */
  async expectOk(request: string, body?: object): Promise<Answer> {
    const answer = await this.send(request, body);
    if (answer.status < 200 || answer.status > 299) {
      throw new Error(`${request} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    }
    return answer.body;
  }

  async signIn(email: string, password: string): Promise<void> {
    const answer = await this.expectOk('POST /api/auth/device-login', { email, password });
    this.#token = String(answer.token);
  }

  poll(): Promise<Answer> {
    return this.expectOk(`GET /api/cli/runner/jobs/poll?machineId=${this.machineId}`);
  }

  /** Syncs one repository with one active session, in the form of v0.4.4. */
  sync(ideaId: string, projectRoot: string): Promise<Answer> {
    const at = '2026-04-01T10:00:00Z';
    return this.expectOk('POST /api/cli/runner/sync', {
      machineId: this.machineId,
      machineName: 'workbench',
      platform: 'linux',
      appVersion: '0.4.4',
      syncedAt: at,
      linkedProjects: [
        {
          ideaId,
          ideaTitle: 'Tidal survey',
          worldId: null,
          worldName: null,
          projectName: 'survey',
          projectRoot,
          githubUrl: null,
          lastOpenedAt: at,
        },
      ],
      sessions: [
        {
          ideaId,
          worldId: null,
          projectRoot,
          orpSessionId: 'orp-main',
          codexSessionId: '0198c2de-codex',
          label: 'Main',
          state: 'active',
          primary: true,
          lastActiveAt: null,
        },
      ],
    });
  }
}

/** Returns the paths of every `null` in an answer. Only `job` of an idle poll may be `null`. */
export function nullsIn(value: Json, path = ''): string[] {
  if (value === null) return path === '.job' ? [] : [path];
  if (typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([key, inner]) => nullsIn(inner, `${path}.${key}`));
}
