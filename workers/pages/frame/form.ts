/** Reads a form. */

import type { Context } from 'hono';
import { accept, type Result, refuse } from '../../../spec/errors.ts';
import type { AppEnv } from '../../http/app-env.ts';
import { readBody } from '../../http/parse.ts';

/** Enough for every form but a prompt. */
export const FORM_BYTES = 64 * 1024;

/** Values as they were typed; line breaks are single characters. */
export class FormValues {
  readonly #values: URLSearchParams;

  constructor(values: URLSearchParams) {
    this.#values = values;
  }

  /** Empty when the form has no such field. */
  text(name: string): string {
    return (this.#values.get(name) ?? '').replace(/\r\n/g, '\n');
  }

  /** Without surrounding white space; undefined when nothing was typed. */
  line(name: string): string | undefined {
    return this.text(name).trim() || undefined;
  }

  all(name: string): string[] {
    return this.#values.getAll(name);
  }

  /** A checkbox, or a button that was pressed. */
  has(name: string): boolean {
    return this.#values.has(name);
  }
}

export async function readForm(
  context: Context<AppEnv>,
  maxBytes: number,
): Promise<Result<FormValues, 'invalid_input' | 'body_too_large'>> {
  const type = context.req.header('content-type') ?? '';
  if (!/^application\/x-www-form-urlencoded\b/i.test(type)) {
    return refuse('invalid_input', 'The server reads forms of its own pages only.', 'Open the page again.');
  }
  const bytes = await readBody(context.req.raw, maxBytes);
  if (bytes === undefined) {
    return refuse(
      'body_too_large',
      `The form may have at most ${maxBytes} bytes.`,
      'Send less text at once.',
    );
  }
  context.get('deps').spent.bytes += bytes.byteLength;
  return accept(new FormValues(new URLSearchParams(new TextDecoder().decode(bytes))));
}
