import { expect, it } from 'vitest';

it('passes first', () => {
  expect(1).toBe(1);
});

it('never ends', { timeout: 600_000 }, () => new Promise(() => undefined));
