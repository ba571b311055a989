/** The OpenAPI document: valid, complete, current, and in agreement with what the contract declares. */

import { readFileSync } from 'node:fs';
import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, it } from 'vitest';
import { ROWS } from '../../spec/contract/all-endpoints.ts';
import type { Endpoint } from '../../spec/contract/endpoint.ts';
import { COMMON_ERRORS, type ErrorCode, HTTP_STATUS } from '../../spec/errors.ts';
import { type Operation, openApiDocument } from '../../spec/openapi/document.ts';

const read = (path: string) => JSON.parse(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8'));
const { version } = read('package.json') as { version: string };
const document = openApiDocument(version);
const rows: readonly Endpoint[] = ROWS;
const common: readonly ErrorCode[] = COMMON_ERRORS;

function operationOf(row: Endpoint): Operation {
  const operation = document.paths[row.path.replaceAll(/:(\w+)/g, '{$1}')]?.[row.method.toLowerCase()];
  if (operation === undefined) throw new Error(`${row.name} has no operation`);
  return operation;
}

describe('spec/openapi.json', () => {
  it('is what the contract says now', () => {
    expect(read('spec/openapi.json')).toEqual(JSON.parse(JSON.stringify(document)));
  });

  it('is valid OpenAPI 3.1', async () => {
    const { valid, errors } = await new Validator().validate(read('spec/openapi.json'));
    expect(errors).toBeUndefined();
    expect(valid).toBe(true);
  });

  it('has one operation for each row, with its scope, its refusals and its parameters', () => {
    const names = Object.values(document.paths).flatMap((methods) =>
      Object.values(methods).map(({ operationId }) => operationId),
    );
    expect(names.sort()).toEqual([...rows.map(({ name }) => name), 'health'].sort());
    for (const row of rows) {
      const operation = operationOf(row);
      expect(operation.security, row.name).toEqual(row.auth === 'user' ? [{ token: [] }] : []);
      expect(operation['x-orp-scope']).toBe(row.auth === 'user' ? row.needs : undefined);
      for (const code of row.errors.filter((own) => !common.includes(own)))
        expect(JSON.stringify(operation.responses[HTTP_STATUS[code]] ?? ''), row.name).toMatch(
          new RegExp(`\\b${code}\\b`),
        );
      const inPath = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
      expect(inPath.map(({ name }) => `:${name}`)).toEqual(row.path.match(/:\w+/g) ?? []);
      expect(operation.requestBody !== undefined, row.name).toBe(row.body !== undefined);
    }
  });

  it('refers only to schemas that it has', () => {
    const text = JSON.stringify(document);
    for (const [, name = ''] of text.matchAll(/#\/components\/schemas\/(\w+)/g))
      expect(Object.keys(document.components.schemas)).toContain(name);
    expect(text).not.toContain('$defs');
  });

  it('lets a sender choose only kinds that senders compose', () => {
    const sent = JSON.stringify(document.paths['/api/cli/runner/jobs']?.post?.requestBody);
    expect(sent).toContain('"enum":["session.prompt"]');
  });
});
