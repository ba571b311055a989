import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AGENTS } from '../../../../cli/agents/registry.ts';
import { openDisk, type SessionDisk } from '../../../../cli/agents/session-files/disk.ts';
import { listSessionFiles } from '../../../../cli/agents/session-files/list-files.ts';
import { FINDERS } from '../../../../cli/runner/agent-server/find-sessions.ts';
import { canLock, lockFile } from '../../../support/file-lock.ts';

const line = (entry: object) => `${JSON.stringify(entry)}\n`;

const meta = (id: string, cwd: string, more: object = {}) =>
  line({ type: 'session_meta', payload: { id, cwd, source: 'cli', ...more } });

const prompt = (text: string) =>
  line({ type: 'event_msg', payload: { type: 'user_message', message: text, kind: 'plain' } });

const userItem = (text: string) =>
  line({
    type: 'response_item',
    payload: { type: 'message', role: 'user', content: [{ type: 'input_text', text }] },
  });

let home: string;

beforeEach(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), 'orp-codex-home-')));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** Writes a session file that changed `changedAt` seconds after the epoch. */
function write(id: string, text: string, changedAt = 1_795_000_000): string {
  const folder = join(home, 'sessions', '2026', '11', '27');
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `rollout-2026-11-27T10-00-00-${id}.jsonl`);
  writeFileSync(path, text);
  utimesSync(path, changedAt, changedAt);
  return path;
}

const list = (folder?: string) => listSessionFiles(openDisk(home), folder);

describe('the sessions in the session files of Codex', () => {
  it('are those of the folder, newest first, with branch, first prompt and whether they are open', async () => {
    const git = { git: { branch: 'main' } };
    write('s-old', meta('s-old', '/srv/tides', git) + userItem('Older.'), 100);
    write('s-new', meta('s-new', '/srv/tides') + prompt('Measure the tides.'), 300);
    write('s-other', meta('s-other', '/srv/tides-2') + prompt('Another folder.'), 200);
    mkdirSync(join(home, 'thread-writer-locks'));
    const lock = join(home, 'thread-writer-locks', 's-new.lock');
    writeFileSync(lock, '');
    // A program that was killed left this file.
    writeFileSync(join(home, 'thread-writer-locks', 's-old.lock'), '');
    const kill = canLock ? await lockFile(lock) : undefined;
    expect(list('/srv/tides')).toEqual([
      {
        sessionId: 's-new',
        cwd: '/srv/tides',
        lastActiveAt: 300_000,
        branch: undefined,
        firstPrompt: 'Measure the tides.',
        isOpen: true,
      },
      {
        sessionId: 's-old',
        cwd: '/srv/tides',
        lastActiveAt: 100_000,
        branch: 'main',
        firstPrompt: 'Older.',
        isOpen: !canLock,
      },
    ]);
    await kill?.();
    expect(list().map(({ sessionId }) => sessionId)).toEqual(['s-new', 's-other', 's-old']);
  });

  it('show the prompt of the person, not the context that Codex adds', () => {
    const context = userItem('<environment_context>\n<cwd>/srv/tides</cwd>\n</environment_context>');
    const rules = userItem('# AGENTS.md instructions for /srv/tides\n\nBe kind.');
    const instructions = { base_instructions: { text: 'x'.repeat(60_000) } };
    write('s-1', meta('s-1', '/srv/tides', instructions) + context + rules + userItem('Hello <b>you</b>'));
    expect(list('/srv/tides')[0]?.firstPrompt).toBe('Hello <b>you</b>');
  });

  it('cut a long prompt between characters', () => {
    write('s-1', meta('s-1', '/srv/tides') + prompt('🌊'.repeat(500)));
    expect(list('/srv/tides')[0]?.firstPrompt).toBe('🌊'.repeat(200));
  });

  it('leave out subagents, which no person started', () => {
    write('s-1', meta('s-1', '/srv/tides', { source: { subagent: 'review' } }));
    expect(list('/srv/tides')).toEqual([]);
  });

  it.each([
    ['an empty file', ''],
    ['a torn first line', meta('s-1', '/srv/tides').slice(0, -20)],
    ['no JSON', `${'"cwd":"/srv/tides" '.repeat(50)}\n`],
    ['JSON that is no object', `[${'["cwd"],'.repeat(50)}1]\n`],
    ['an id that looks like an option', meta('--dangerous', '/srv/tides')],
    ['an id that is a path', meta('../../etc/passwd', '/srv/tides')],
    [
      'a line without end',
      `{"type":"session_meta","payload":{"id":"s-1","cwd":"/srv/tides","x":"${'a'.repeat(3_000_000)}`,
    ],
    ['bytes that are no text', Buffer.from([0xff, 0xfe, 0x00, 0x0a, 0x80]).toString('latin1')],
    ['another type', line({ type: 'turn_context', payload: { id: 's-1', cwd: '/srv/tides' } })],
  ])('skip %s and keep the others', (_name, text) => {
    write('bad', text, 900);
    write('s-good', meta('s-good', '/srv/tides') + prompt('Good.'), 100);
    expect(list('/srv/tides').map(({ sessionId }) => sessionId)).toEqual(['s-good']);
    expect(list().map(({ sessionId }) => sessionId)).toEqual(['s-good']);
  });

  it('show a session whose later lines are torn or huge, without their prompt', () => {
    write(
      's-1',
      `${meta('s-1', '/srv/tides')}{"type":"event_msg\n${'z'.repeat(2_000_000)}\n${prompt('Far.')}`,
    );
    expect(list('/srv/tides')).toMatchObject([{ sessionId: 's-1', firstPrompt: '' }]);
  });

  it('never open a pipe, which would block the reader', () => {
    const folder = join(home, 'sessions', '2026', '11', '27');
    mkdirSync(folder, { recursive: true });
    execFileSync('mkfifo', [join(folder, 'rollout-2026-11-27T10-00-00-s-1.jsonl')]);
    expect(list()).toEqual([]);
  });

  it('are found in a home without sessions', () => {
    expect(list('/srv/tides')).toEqual([]);
  });

  it('cost one read of 4 KiB each among 10,000 sessions of other folders', () => {
    const reads: number[] = [];
    const texts = new Map(
      Array.from({ length: 10_000 }, (_, at) => {
        const folder = at % 5000 === 0 ? '/srv/tides' : `/srv/other-${at}`;
        const text = meta(`s-${at}`, folder, { base_instructions: { text: 'x'.repeat(20_000) } });
        return [`/s/${at}`, Buffer.from(text + prompt('Hello.'))];
      }),
    );
    const disk: SessionDisk = {
      files: () => [...texts.keys()],
      changedAt: () => 1,
      read: (path, at, bytes) => {
        reads.push(bytes);
        return texts.get(path)?.subarray(at, at + bytes) ?? Buffer.alloc(0);
      },
      isOpen: () => false,
    };
    expect(listSessionFiles(disk, '/srv/tides').map(({ firstPrompt }) => firstPrompt)).toEqual([
      'Hello.',
      'Hello.',
    ]);
    expect(reads.filter((bytes) => bytes === 4096).length).toBe(10_000);
    expect(reads.length).toBe(10_002);
  });
});

describe('the agents of this runner', () => {
  it('each have a function that lists their sessions', () => {
    expect([...FINDERS.keys()]).toEqual([...AGENTS.keys()]);
  });
});
