/** A table of refusals that must be complete: a row or a declared code without a scenario does not compile. */

import type { Endpoint } from '../../../spec/contract/endpoint.ts';
import type { COMMON_ERRORS } from '../../../spec/errors.ts';

type Declared<Row> = Row extends { errors: readonly (infer Code extends string)[] } ? Code : never;

/** One scenario that provokes the refusal and checks it. */
type Scenario = () => Promise<void>;

/** For every row of a contract module, a scenario for every code it declares beyond the common ones. */
export type Refusals<Module> = {
  [Name in keyof Module as Module[Name] extends Endpoint
    ? [Declared<Module[Name]>] extends [never]
      ? never
      : Name
    : never]: {
    [Code in Exclude<
      Declared<Module[Name]>,
      Exclude<(typeof COMMON_ERRORS)[number], 'body_too_large'>
    >]: Scenario;
  };
};

/** The table as rows for `it.each`. */
export function scenariosOf(table: Record<string, Record<string, Scenario>>) {
  return Object.entries(table).flatMap(([name, codes]) =>
    Object.entries(codes).map(([code, provoke]) => ({ name, code, provoke })),
  );
}
