import type { Result } from '../../spec/errors.ts';

/** What a service gives back when it accepts. */
export type ValueOf<Service extends (...args: never[]) => Promise<Result<unknown>>> =
  Awaited<ReturnType<Service>> extends infer Outcome
    ? Outcome extends { ok: true; value: infer Value }
      ? Value
      : never
    : never;
