import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Desk } from '../cli/desk.ts';
import { RecordingServer } from '../cli/recording-server.ts';
import { FakeService } from '../cli/runner/fake-hosted.ts';
import { type LinkedMachine, linkedMachine } from '../cli/runner/linked-machine.ts';
import { RECIPE_AGENT, runOrp } from '../cli/runner/orp-process.ts';
import { endLeftAgents } from '../cli/runner/process/left-agents.ts';
import { DOCUMENTS, type DocumentRow, WORK_DOCUMENTS } from './cli-documents.ts';
import { faultsOf, isPlainLines, missingLines } from './cli-shape.ts';
import { answerAsServer, arrange, arrangeWork } from './cli-situations.ts';

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
    expect(faultsOf(JSON.parse(stdout), row.keys)).toEqual([]);
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
    const words = [...row.command.split(' '), '--codex-bin', RECIPE_AGENT, ...further];
    return runOrp(words, { cwd: machine.repo, env: machine.env });
  }

  it('prints the JSON document of the contract', async () => {
    const { code, stdout } = await run('--json');
    expect(faultsOf(JSON.parse(stdout), row.keys)).toEqual([]);
    expect(code).toBe(row.exit);
  });

  it('prints the lines of the contract into a pipe', async () => {
    const { code, stdout } = await run();
    expect(missingLines(stdout, row.lines)).toEqual([]);
    expect(isPlainLines(stdout)).toBe(true);
    expect(code).toBe(row.exit);
  });
});
