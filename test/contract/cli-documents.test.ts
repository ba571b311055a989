import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { definitionOf, documentsSchema } from '../../scripts/generated/cli-documents.ts';
import { Desk } from '../cli/desk.ts';
import { RecordingServer } from '../cli/recording-server.ts';
import { FakeService } from '../cli/runner/fake-hosted.ts';
import { type LinkedMachine, linkedMachine } from '../cli/runner/linked-machine.ts';
import { RECIPE_AGENT, runOrp } from '../cli/runner/orp-process.ts';
import { endLeftAgents } from '../cli/runner/process/left-agents.ts';
import { DOCUMENTS, type DocumentRow } from './cli-documents.ts';
import { OWN_DOCUMENTS } from './cli-own-documents.ts';
import { faultsOf, isPlainLines, missingLines } from './cli-shape.ts';
import { answerAsServer, answerWithReview, arrange, arrangeWork } from './cli-situations.ts';
import { REVIEW_DOCUMENTS, WORK_DOCUMENTS } from './cli-work-documents.ts';

/** A program that is there, and that the system cannot start. */
function brokenAgent(home: string): string {
  const path = join(home, 'codex');
  writeFileSync(path, '#!/nowhere/interpreter\n', { mode: 0o755 });
  return path;
}

const SCHEMA = documentsSchema();

/** The document has the keys of the row, and fits the published schema of its command. */
function expectDocument(stdout: string, { command, keys }: DocumentRow): void {
  const document: unknown = JSON.parse(stdout);
  expect(faultsOf(document, keys)).toEqual([]);
  const schema = { $defs: SCHEMA.$defs, $ref: `#/$defs/${definitionOf(command)}` };
  const fits = z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]).safeParse(document);
  expect(fits.error).toBeUndefined();
}

const named = (rows: readonly DocumentRow[]) =>
  rows.map((row) => [`orp ${row.command} (${row.outcome})`, row] as const);

describe.each(named(DOCUMENTS))('%s', (_name, row) => {
  async function run(...further: string[]) {
    await using server = await RecordingServer.start(answerAsServer(row.given));
    using desk = new Desk();
    await arrange(desk, row.given, server.url);
    return await desk.orp([...row.command.split(' '), ...further]);
  }

  it('prints the JSON document of the contract', async () => {
    const { code, stdout, error } = await run('--json');
    expect(error).toBeUndefined();
    expectDocument(stdout, row);
    expect(code).toBe(row.exit);
  });

  it('prints the lines of the contract into a pipe', async () => {
    const { code, stdout } = await run();
    expect(missingLines(stdout, row.lines)).toEqual([]);
    expect(isPlainLines(stdout)).toBe(true);
    expect(code).toBe(row.exit);
  });
});

describe.each(named(WORK_DOCUMENTS))('%s', (_name, row) => {
  let service: FakeService;
  let machine: LinkedMachine;

  beforeEach(async () => {
    service = await FakeService.start();
    machine = linkedMachine(service.baseUrl);
  });

  afterEach(async () => {
    endLeftAgents(machine.home);
    await service.close();
    machine.remove();
  });

  function run(...further: string[]) {
    arrangeWork(service, row.given);
    const agent = row.given.endsWith('no agent') ? brokenAgent(machine.home) : RECIPE_AGENT;
    const words = [...row.command.split(' '), '--codex-bin', agent, ...further];
    return runOrp(words, { cwd: machine.repo, env: machine.env });
  }

  it('prints the JSON document of the contract', async () => {
    const { code, stdout } = await run('--json');
    expectDocument(stdout, row);
    expect(code).toBe(row.exit);
  });

  it('prints the lines of the contract into a pipe', async () => {
    const { code, stdout } = await run();
    expect(missingLines(stdout, row.lines)).toEqual([]);
    expect(isPlainLines(stdout)).toBe(true);
    expect(code).toBe(row.exit);
  });
});

describe.each(named(REVIEW_DOCUMENTS))('%s', (_name, row) => {
  async function run(...further: string[]) {
    await using server = await RecordingServer.start();
    const machine = linkedMachine(server.url);
    server.announce({ without: ['claim-post'] });
    server.answer(answerWithReview(row.given, machine.repo));
    if (row.given.endsWith('disabled')) {
      await runOrp(['runner', 'disable'], { cwd: machine.repo, env: machine.env });
    }
    const words = [...row.command.split(' '), '--codex-bin', RECIPE_AGENT, ...further];
    const end = await runOrp(words, { cwd: machine.repo, env: machine.env });
    endLeftAgents(machine.home);
    machine.remove();
    return end;
  }

  it('prints the JSON document of the contract', async () => {
    const { code, stdout } = await run('--json');
    expectDocument(stdout, row);
    expect(code).toBe(row.exit);
  });

  it('prints the lines of the contract into a pipe', async () => {
    const { code, stdout } = await run();
    expect(missingLines(stdout, row.lines)).toEqual([]);
    expect(isPlainLines(stdout)).toBe(true);
    expect(code).toBe(row.exit);
  });
});

describe.each(named(OWN_DOCUMENTS))('%s', (_name, row) => {
  it('prints the documented JSON', async () => {
    await using server = await RecordingServer.startNewest(answerAsServer(row.given));
    using desk = new Desk();
    await arrange(desk, row.given, server.url);
    const { code, stdout } = await desk.orp([...row.command.split(' '), '--json']);
    expectDocument(stdout, row);
    expect(code).toBe(row.exit);
  });
});
