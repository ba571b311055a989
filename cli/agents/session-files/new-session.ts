/** Starts a new session of Codex in a folder, for a person who has none there yet. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { AGENT_SESSION_ID_PATTERN } from '../../../spec/ids.ts';
import { CliError, messageOf } from '../../base/exit.ts';
import { firstLineOf } from '../../base/one-line.ts';
import { agentEnvironment } from '../agent-environment.ts';
import { type CodexOptions, findCodex } from '../codex-program.ts';

/** Codex keeps a session only after its first turn. This turn changes nothing. */
const FIRST_PROMPT =
  'This session will receive prompts through ORP Runner. Do nothing now. Answer with one short sentence.';

/** Returns the id of the new session. */
export async function startCodexSession(options: CodexOptions, folder: string): Promise<string> {
  const program = await findCodex(options);
  if (program.kind === 'missing') {
    throw new CliError(program.message, { code: 'agent_missing', hint: program.hint });
  }
  const args = ['exec', '--skip-git-repo-check', '--json', '--sandbox', 'read-only', '-'];
  const env = agentEnvironment(options.env, folder);
  const child = spawn(program.path, args, { cwd: folder, env });
  child.stdin.on('error', () => undefined).end(FIRST_PROMPT);
  const [stdout, stderr, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close').then(([status]: (number | null)[]) => status),
  ]).catch((error: unknown) => ['', messageOf(error), null] as const);
  const id = sessionIdOf(stdout);
  // A session whose first turn failed would fail the next one, too.
  if (code === 0 && id !== undefined) return id;
  throw new CliError(`Codex could not start a session: ${reasonOf(stdout) ?? firstLineOf(stderr)}`, {
    code: 'no_session',
    hint: 'Run `codex` in this folder to see why. Then run this command again.',
  });
}

function sessionIdOf(events: string): string | undefined {
  const id = readEvents(events).find(({ type }) => type === 'thread.started')?.thread_id;
  return typeof id === 'string' && AGENT_SESSION_ID_PATTERN.test(id) ? id : undefined;
}

function reasonOf(events: string): string | undefined {
  const failure = readEvents(events).findLast(({ type }) => type === 'error');
  return typeof failure?.message === 'string' ? failure.message : undefined;
}

/** Other lines than events are skipped. */
function readEvents(lines: string): Record<string, unknown>[] {
  return lines.split('\n').flatMap((line) => {
    try {
      const event: unknown = JSON.parse(line);
      return typeof event === 'object' && event !== null ? [{ ...event }] : [];
    } catch {
      return [];
    }
  });
}
