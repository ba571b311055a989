/** The file of a session (contract/local-state.md §5.1). The digest keeps ids apart that look alike after cleaning. */

/** `s/1 weird:id` → `s_1_weird_id-b2f852913013.json`. Never a path, whatever the id. */
export function sessionFileName(sessionId: string): string {
  const id = sessionId.trim();
  const cleaned = id.replace(/[^A-Za-z0-9._-]+/g, '_').replace(/^[._-]+|[._-]+$/g, '');
  // Loaded when a name is needed: most commands read whatever files there are.
  const { createHash } = process.getBuiltinModule('node:crypto');
  const digest = createHash('sha1').update(id, 'utf8').digest('hex').slice(0, 12);
  return `${cleaned === '' ? 'session' : cleaned}-${digest}.json`;
}
