import { expect, it } from 'vitest';
import { requireNode } from '../../cli/node-version.ts';

it.each(['22.12.0', '22.23.3', '24.0.0', '26.10.0'])('Node %s runs orp', (version) => {
  expect(() => requireNode(version)).not.toThrow();
});

it.each(['18.20.0', '20.20.2', '22.11.9', '9.0.0'])(
  'Node %s is refused with a sentence and a hint',
  (version) => {
    expect(() => requireNode(version)).toThrow(`Node ${version} is too old for orp.`);
  },
);
