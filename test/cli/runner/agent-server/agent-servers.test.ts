/** The runner's own agent server, beside the person's server and other runners of the same user. The server is scripted. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AgentServers } from '../../../../cli/runner/agent-server/agent-servers.ts';
import { stopOwnServer } from '../../../../cli/runner/agent-server/own-server.ts';
import { serverFolder, sharedSocket, writerLock } from '../../../../cli/runner/agent-server/places.ts';
import { TAG_NAME } from '../../../../cli/runner/process/process-table.ts';
import { isolatedEnv } from '../../../../scripts/local/orp-command.ts';
import { makeTemporaryFolder } from '../../../../scripts/local/temporary-folder.ts';
import { installCodex } from '../../../support/chaos/install-codex.ts';
import { canLock, lockFile } from '../../../support/file-lock.ts';
import { type SocketServer, startSocketServer } from '../../agents/app-server/socket-server.ts';

let folder: string;
let env: NodeJS.ProcessEnv;
let bin: string;
let person: SocketServer | undefined;

beforeEach(() => {
  folder = makeTemporaryFolder('orp-as-');
  env = { ...isolatedEnv(folder), CODEX_HOME: join(folder, 'c') };
  bin = installCodex(folder);
  for (const name of ['sessions', 'journals']) mkdirSync(join(folder, name));
});

afterEach(async () => {
  person?.close();
  person = undefined;
  await stopOwnServer(env);
});

/** The driver as one runner process has it. */
function runner(mode: 'auto' | 'exec' = 'auto'): AgentServers {
  const findProgram = async () => ({ kind: 'found' as const, path: bin, remarks: [] });
  return new AgentServers({ env, mode, findProgram });
}

async function open(of: AgentServers, sessionId = 's') {
  const opening = await of.open({ sessionId, cwd: folder });
  if (opening.kind !== 'open') throw new Error(JSON.stringify(opening));
  return opening.session;
}

/** The person's server, which answers so to a request for the session. */
async function startPersonServer(answer: (method: string) => object): Promise<void> {
  person = await startSocketServer(({ id, method = '' }, reply) => {
    if (id !== undefined) reply({ id, ...(method === 'initialize' ? { result: {} } : answer(method)) });
  });
  mkdirSync(dirname(sharedSocket(env)), { recursive: true });
  symlinkSync(person.path, sharedSocket(env));
}

const record = () => join(serverFolder(env), 'server.json');
/** The recipe of a turn that runs until it is ended. */
const long = () =>
  JSON.stringify({ key: 'long', folder, behaviour: 'work', pieces: 0, pieceBytes: 1, workMs: 60_000 });

describe('the server of the runner', () => {
  it('is not ended by another runner while a turn runs in it', async () => {
    const first = runner();
    const session = await open(first);
    await session.enter(long(), 'orp:job_1:lea_1');
    const second = runner();
    await (await open(second, 'other')).close();
    await second.end();
    expect(existsSync(record())).toBe(true);
    expect(await session.find(['orp:job_1:lea_1'])).toMatchObject({
      kind: 'found',
      turn: { status: 'running' },
    });
  });

  it('is ended when a turn in it does not end', async () => {
    const session = await open(runner());
    await session.enter(long(), 'orp:job_1:lea_1');
    expect(await session.endServer?.()).toMatchObject({ processes: 1, left: 0 });
    expect(existsSync(record())).toBe(false);
  });

  it('that a killed runner left is ended by the next one when it exits', async () => {
    await (await open(runner())).close();
    await runner().end();
    expect(existsSync(record())).toBe(false);
  });

  it('is used further while a turn runs in it, also when another Codex was installed or none is there', async () => {
    const session = await open(runner());
    await session.enter(long(), 'orp:job_1:lea_1');
    const before = readFileSync(record(), 'utf8');
    const task = { sessionId: 's', cwd: folder };
    const other = join(folder, 'other');
    mkdirSync(other);
    bin = installCodex(other);
    const running = { kind: 'found', turn: { status: 'running' } };
    expect(await (await open(runner())).find(['orp:job_1:lea_1'])).toMatchObject(running);

    const missing = { kind: 'missing' as const, message: 'Codex is missing.', hint: 'Install it.' };
    const findProgram = async () => missing;
    const opening = await new AgentServers({ env, mode: 'auto', findProgram }).reopen(task);
    if (opening.kind !== 'open') throw new Error(JSON.stringify(opening));
    expect(await opening.session.find(['orp:job_1:lea_1'])).toMatchObject(running);
    expect(readFileSync(record(), 'utf8')).toBe(before);
  });

  it('is replaced by the one of another Codex when no turn runs in it', async () => {
    await (await open(runner())).close();
    const other = join(folder, 'other');
    mkdirSync(other);
    bin = installCodex(other);
    await (await open(runner())).close();
    expect(JSON.parse(readFileSync(record(), 'utf8'))).toMatchObject({ program: bin });
  });

  it('is found by its tag when the runner was killed before it had noted the process', async () => {
    const tag = crypto.randomUUID();
    const child = spawn('sleep', ['300'], { env: { ...process.env, [TAG_NAME]: tag }, detached: true });
    await once(child, 'spawn');
    mkdirSync(serverFolder(env), { recursive: true, mode: 0o700 });
    writeFileSync(record(), JSON.stringify({ tag, program: bin }));
    const gone = once(child, 'exit');
    expect(await stopOwnServer(env)).toMatchObject({ processes: 1, left: 0 });
    await gone;
  });
});

describe('a session beside the server of the person', () => {
  const busy = { error: { code: -32600, message: 'thread s already has an active writer' } };

  it('is opened in the server of the runner while its turn still runs there', async () => {
    const session = await open(runner());
    await session.enter(long(), 'orp:job_1:lea_1');
    await startPersonServer(() => busy);
    const again = await open(runner());
    expect(again.how).toBe('own_server');
    expect(await again.find(['orp:job_1:lea_1'])).toMatchObject({
      kind: 'found',
      turn: { status: 'running' },
    });
  });

  it('is in use when no server of the runner has it', async () => {
    await startPersonServer(() => busy);
    const opening = await runner().open({ sessionId: 's', cwd: folder });
    expect(opening).toMatchObject({ kind: 'refused', reading: { kind: 'session_in_use' } });
    expect(existsSync(record())).toBe(false);
  });

  it.skipIf(!canLock)('is not free for a process while it is idle in that server', async () => {
    await startPersonServer(() => ({ result: { thread: { id: 's', status: { type: 'idle' } } } }));
    const letGo = await holdLock();
    const signal = AbortSignal.timeout(1500);
    expect(await runner('exec').untilFree('s', signal)).toBe(false);
    expect(await runner('auto').untilFree('s', AbortSignal.timeout(5000))).toBe(true);
    expect(readFileSync(writerLock(env, 's'), 'utf8')).toBe('');
    await letGo();
  });
});

/** As a program that has the session open. Returns a function that kills it, so that its lock file stays. */
async function holdLock(): Promise<() => Promise<void>> {
  mkdirSync(dirname(writerLock(env, 's')), { recursive: true });
  return lockFile(writerLock(env, 's'));
}

describe.skipIf(!canLock)('a session whose program was killed, and left its lock file', () => {
  it.each(['auto', 'exec'] as const)('is free in mode %s, also while no server runs', async (mode) => {
    const kill = await holdLock();
    const servers = runner(mode);
    expect(await servers.untilFree('s', AbortSignal.timeout(1500))).toBe(false);
    await kill();
    expect(await servers.untilFree('s', new AbortController().signal)).toBe(true);
    expect(existsSync(writerLock(env, 's'))).toBe(true);
    expect(existsSync(record())).toBe(false);
  });

  it('is not called free twice in a row, because another system may hold the lock', async () => {
    await (await holdLock())();
    const servers = runner();
    expect(await servers.untilFree('s', new AbortController().signal)).toBe(true);
    expect(await servers.untilFree('s', AbortSignal.timeout(1500))).toBe(false);
  });
});
