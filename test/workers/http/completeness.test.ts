/** The contract and the application know the same routes, and every refusal there is can be met. */

import { describe, expect, it } from 'vitest';
import { ROWS } from '../../../spec/contract/all-endpoints.ts';
import { COMMON_ERRORS, ERROR_CODES, HTTP_STATUS } from '../../../spec/errors.ts';
import { makeApp } from '../../../workers/app.ts';

describe('the contract', () => {
  it('is mounted row by row, and nothing else is below /api/cli, /api/auth and /api/admin', () => {
    const mounted = makeApp()
      .routes.filter((route) => route.method !== 'ALL' && /^\/api\/(cli|auth|admin)\//.test(route.path))
      .map((route) => `${route.method} ${route.path}`);
    expect(mounted.sort()).toEqual(ROWS.map((row) => `${row.method} ${row.path}`).sort());
  });

  it('has one row for a method and a path, and one name for a row', () => {
    expect(new Set(ROWS.map((row) => `${row.method} ${row.path.replace(/:\w+/g, ':')}`)).size).toBe(
      ROWS.length,
    );
    expect(new Set(ROWS.map((row) => row.name)).size).toBe(ROWS.length);
  });

  it('declares every code of the registry somewhere, and a status for each', () => {
    const declared = new Set([...COMMON_ERRORS, ...ROWS.flatMap((row) => [...row.errors])]);
    expect([...ERROR_CODES].filter((code) => !declared.has(code))).toEqual([]);
    for (const code of ERROR_CODES) expect(HTTP_STATUS[code]).toBeGreaterThanOrEqual(400);
  });

  it('takes a token on every route, except on those that sign in', () => {
    for (const row of ROWS)
      expect(row.auth).toBe(/^\/api\/auth\/device[-/]/.test(row.path) ? 'none' : 'user');
  });
});
