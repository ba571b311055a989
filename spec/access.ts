/** What a token may do. This is the only rule: the server asks it once for every request with a token. */

/** The scopes of tokens, from the weakest to the strongest. Each one includes the scopes before it. */
export const SCOPES = ['read', 'enqueue', 'owner'] as const;
export type Scope = (typeof SCOPES)[number];

/** What each scope allows, for people. */
export const SCOPE_WORDS: Readonly<Record<Scope, string>> = {
  read: 'read ideas, jobs and transcripts',
  enqueue: 'read, and send jobs and reviews',
  owner: 'everything that the account may do, except make new ways to sign in',
};

/**
 * `cli` and `browser` tokens come from a sign-in. A `token` was made by a signed-in person for a program that cannot sign in.
 */
export const TOKEN_KINDS = ['cli', 'browser', 'token'] as const;
export type TokenKind = (typeof TOKEN_KINDS)[number];

/**
 * What a route asks of a token: a scope, or a sign-in of a person. A route that makes new ways to sign in asks for a
 * sign-in, so that a stolen token cannot outlive its revocation.
 */
export type Access = Scope | 'sign_in';

export interface Holder {
  kind: TokenKind;
  scope: Scope;
}

export function mayUse({ kind, scope }: Holder, needed: Access): boolean {
  if (needed === 'sign_in') return kind !== 'token';
  return SCOPES.indexOf(scope) >= SCOPES.indexOf(needed);
}

/** Why a token may not use a route, and the remedy. */
export function accessWords({ scope }: Holder, needed: Access): { message: string; hint: string } {
  if (needed === 'sign_in') {
    return {
      message: 'A token cannot do this, because the request creates a new way to sign in.',
      hint: 'Sign in with orp auth login, without ORP_TOKEN.',
    };
  }
  return {
    message: `The token has the scope ${scope}, and this needs the scope ${needed}.`,
    hint: `Make a token with orp auth token create --scope ${needed}, or sign in with orp auth login.`,
  };
}
