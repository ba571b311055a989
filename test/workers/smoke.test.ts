import { exports } from 'cloudflare:workers';
import { expect, it } from 'vitest';

it('answers', async () => {
  const response = await exports.default.fetch('http://orp.test/');
  expect(response.status).toBeLessThan(500);
});
