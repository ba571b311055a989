/** What the scopes of tokens allow. */

import { describe, expect, it } from 'vitest';
import { accessWords, mayUse, SCOPES, TOKEN_KINDS } from '../../spec/access.ts';
import { ROWS } from '../../spec/contract/all-endpoints.ts';
import type { Endpoint } from '../../spec/contract/endpoint.ts';

const rows: readonly Endpoint[] = ROWS;
const namesWith = (needs: string) => rows.filter((row) => row.needs === needs).map(({ name }) => name);

describe('a scope', () => {
  it('includes the scopes before it, and no scope after it', () => {
    for (const [at, scope] of SCOPES.entries()) {
      const allowed = SCOPES.map((needed) => mayUse({ kind: 'token', scope }, needed));
      expect(allowed, scope).toEqual(SCOPES.map((_, index) => index <= at));
    }
  });

  it('of a made token never replaces a sign-in', () => {
    expect(TOKEN_KINDS.map((kind) => mayUse({ kind, scope: 'owner' }, 'sign_in'))).toEqual([
      true,
      true,
      false,
    ]);
  });

  it('that is too weak is answered with the scope to ask for', () => {
    const { message, hint } = accessWords({ kind: 'token', scope: 'read' }, 'enqueue');
    expect(message).toBe('The token has the scope read, and this needs the scope enqueue.');
    expect(hint).toContain('--scope enqueue');
  });
});

describe('the contract', () => {
  it('lets weaker tokens read and send, and nothing else', () => {
    expect(namesWith('read')).toEqual([
      ...[
        'getMe',
        'revokeToken',
        'listIdeas',
        'showIdea',
        'listFeatures',
        'getWorld',
        'listCheckpoints',
        'showCheckpoint',
      ],
      ...['listWorkspaces', 'showWorkspace', 'listTabs', 'listTimeline'],
      ...['listJobs', 'showJob', 'readTranscript', 'showMachine', 'findIds', 'followJob'],
    ]);
    expect(namesWith('enqueue')).toEqual(['queueCheckpoint', 'enqueueJob']);
  });

  it('asks for a sign-in where a new way to sign in is made', () => {
    expect(namesWith('sign_in')).toEqual([
      ...['createToken', 'changePassword', 'makeInvitation', 'makePasswordLink'],
    ]);
  });

  it('lets a token with the scope read change nothing, except revoke itself', () => {
    const writes = rows.filter((row) => row.needs === 'read' && row.method !== 'GET');
    expect(writes.map(({ name }) => name)).toEqual(['revokeToken']);
  });
});
