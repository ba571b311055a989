/** Reads a form. */

import type { Context } from 'hono';
import { accept, type Result, refuse } from '../../../spec/errors.ts';
import type { AppEnv } from '../../http/app-env.ts';
import { readBody } from '../../http/parse.ts';

/** The size limit of every form except the form for prompts. */
export const FORM_BYTES = 64 * 1024;

/** The values as the person typed them, with `\n` as line break. */
export class FormValues {
  readonly #values: URLSearchParams;

  constructor(values: URLSearchParams) {
    this.#values = values;
  }

  /** Returns the value of a field, or an empty text if the form has no such field. */
  text(name: string): string {
    return (this.#values.get(name) ?? '').replace(/\r\n/g, '\n');
  }

  /** Returns the value without surrounding white space, or undefined if nothing was typed. */
  line(name: string): string | undefined {
    return this.text(name).trim() || undefined;
  }

  all(name: string): string[] {
    return this.#values.getAll(name);
  }

  /** Returns whether a checkbox was checked or a button was pressed. */
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
