/** The document of the API for people (`/docs`). It needs no sign-in. For programs, the platform serves `/openapi.json`. */

import type { Context, Hono } from 'hono';
import { CAPABILITIES } from '../../../spec/capabilities.ts';
import type { JsonSchema, OpenApi, Operation } from '../../../spec/openapi/document.ts';
import type { AppEnv } from '../../http/app-env.ts';
import { respond } from '../frame/answer.tsx';

export function mountApiDocs(pages: Hono<AppEnv>): void {
  pages.get('/docs', async (context: Context<AppEnv>) => {
    const { origin } = new URL(context.req.url);
    const document = await context.env.ASSETS.fetch(`${origin}/openapi.json`);
    const body = <ApiBody document={await document.json<OpenApi>()} origin={origin} />;
    return respond(context, { title: 'API', body });
  });
}

interface Route {
  method: string;
  path: string;
  operation: Operation;
}

function ApiBody({ document, origin }: { document: OpenApi; origin: string }) {
  const routes = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(
      ([method, operation]): Route => ({ method: method.toUpperCase(), path, operation }),
    ),
  );
  return (
    <div class="api">
      <h1>API of this server</h1>
      <p>
        Release {String(document.info.version)}. The same for programs:{' '}
        <a href="/openapi.json">openapi.json</a> (OpenAPI 3.1). Send a token as{' '}
        <code>Authorization: Bearer …</code>; <code>orp auth token create</code> makes one. A refusal is JSON
        with a sentence, a <code>code</code> and a hint. Branch on the code.
      </p>
      <h2>Queue a prompt and read its answer</h2>
      <pre>{`curl -s ${origin}/api/cli/runner/jobs -H "Authorization: Bearer $ORP_TOKEN" \\
  -H 'Content-Type: application/json' -H "Idempotency-Key: $BUILD_ID" -d '{"prompt": "Run the tests."}'
curl -sN ${origin}/api/cli/runner/jobs/<job id>/events -H "Authorization: Bearer $ORP_TOKEN"
curl -s ${origin}/api/cli/runner/jobs/<job id> -H "Authorization: Bearer $ORP_TOKEN"`}</pre>
      <nav aria-label="Groups">
        {document.tags.map(({ name, description }) => (
          <p>
            <a href={`#${name}`}>{name}</a>: {description}
          </p>
        ))}
      </nav>
      {document.tags.map(({ name }) => (
        <section>
          <h2 id={name}>{name}</h2>
          {routes
            .filter(({ operation }) => operation.tags[0] === name)
            .map((route) => (
              <RouteView route={route} document={document} />
            ))}
        </section>
      ))}
      <p class="quiet">Extensions of this server: {CAPABILITIES.join(', ')}.</p>
    </div>
  );
}

function RouteView({ route: { method, path, operation }, document }: { route: Route; document: OpenApi }) {
  const body = operation.requestBody?.content['application/json'].schema;
  const [, answer] = Object.entries(operation.responses)[0] ?? [];
  const reply = (answer?.content as Record<string, { schema: JsonSchema }> | undefined)?.['application/json'];
  const refusals = Object.entries(operation.responses).flatMap(([status, { description }]) =>
    typeof description === 'string' && description.startsWith('Refused: ')
      ? [`${status}: ${description.slice('Refused: '.length, -1)}`]
      : [],
  );
  return (
    <details class="sheet" id={operation.operationId}>
      <summary>
        <code>
          <strong>{method}</strong> {path}
        </code>
        <span class="quiet"> {operation.summary.replaceAll('`', '')}</span>
      </summary>
      <p class="quiet">
        {operation.security.length === 0 ? 'No token.' : `Token with the scope ${operation['x-orp-scope']}.`}{' '}
        {operation['x-orp-idempotent'] ? 'May be repeated.' : 'Do not repeat it after a lost answer.'}
        {operation['x-orp-capability'] ? ` Extension ${operation['x-orp-capability']}.` : ''}
        {refusals.length > 0 ? ` Also refuses with ${refusals.join('; ')}.` : ''}
      </p>
      {operation.parameters && (
        <FieldTable
          title="Parameters"
          rows={operation.parameters.map(({ name, in: place, required, schema }) => ({
            name: `${name} (${place})`,
            schema,
            isRequired: required,
          }))}
        />
      )}
      {body && <FieldTable title="Body" rows={fieldsOf(body, document)} />}
      {reply && <FieldTable title="Answer" rows={fieldsOf(reply.schema, document)} />}
    </details>
  );
}

interface Field {
  name: string;
  schema: JsonSchema;
  isRequired: boolean;
}

/** The fields of an object. The fields of a shared schema are listed only once, in the section that has the name of the schema. */
function fieldsOf(schema: JsonSchema, document: OpenApi): Field[] {
  const found = resolve(schema, document);
  if (found.anyOf !== undefined) return found.anyOf.flatMap((inner) => fieldsOf(inner, document));
  return Object.entries(found.properties ?? {}).flatMap(([name, inner]) => {
    const field = { name, schema: inner, isRequired: found.required?.includes(name) === true };
    const nested = resolve(inner, document);
    const isOpened = name === 'job' || inner.$ref === undefined;
    if (!isOpened || nested.properties === undefined) return [field];
    const below = Object.entries(nested.properties).map(([below, deeper]) => ({
      name: `${name}.${below}`,
      schema: deeper,
      isRequired: nested.required?.includes(below) === true,
    }));
    return [field, ...below];
  });
}

function resolve(schema: JsonSchema, document: OpenApi): JsonSchema {
  const name = schema.$ref?.split('/').at(-1);
  return name === undefined ? schema : (document.components.schemas[name] ?? schema);
}

function FieldTable({ title, rows }: { title: string; rows: Field[] }) {
  return (
    <table>
      <caption>{title}</caption>
      <thead>
        <tr>
          <th scope="col">Field</th>
          <th scope="col">Type</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ name, schema, isRequired }) => (
          <tr>
            <td>
              <code>{name}</code>
              {isRequired ? '' : <span class="quiet"> optional</span>}
            </td>
            <td>{typeText(schema)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** A type in words, such as `integer from 1 to 20` or `one of: wait, fail`. */
function typeText(schema: JsonSchema): string {
  if (schema.$ref !== undefined) return schema.$ref.split('/').at(-1) ?? '';
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return `one of: ${schema.enum.join(', ')}`;
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeText).join(' or ');
  const type = [schema.type ?? 'any'].flat().join(' or ');
  if (schema.items !== undefined) return `list of ${typeText(schema.items)}`;
  const { minimum, maximum, maxLength, format, default: fallback } = schema;
  const hasRange = type === 'integer' && Number.isSafeInteger(minimum) && Math.abs(Number(maximum)) < 2 ** 50;
  return [
    type,
    hasRange ? `from ${minimum} to ${maximum}` : '',
    format === 'date-time' ? '(ISO 8601)' : '',
    maxLength === undefined ? '' : `(at most ${maxLength} characters)`,
    fallback === undefined ? '' : `(default: ${JSON.stringify(fallback)})`,
  ]
    .filter(Boolean)
    .join(' ');
}
