/** `npm run deploy` against a wrangler that notes its calls: what it creates, in which order, and what stops it. */

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { projectPath } from '../../scripts/local/project-path.ts';
import { runScript } from '../support/processes.ts';

const ID = '11111111-2222-4333-8444-555555555555';

let folder: string;
let server: Server;
let state: Record<string, unknown>;

function calls(): string[][] {
  const path = join(folder, 'calls.ndjson');
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as string[]);
}

/** The first words of each call. */
const commands = () =>
  calls().map((args) =>
    args
      .filter((word) => !word.startsWith('-'))
      .slice(0, 3)
      .join(' '),
  );

const stampedVersion = () =>
  calls()
    .flat()
    .find((word) => word.startsWith('SERVER_VERSION:'))
    ?.slice('SERVER_VERSION:'.length);

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'orp-deploy-test-'));
  server = createServer((_, answer) => answer.end(JSON.stringify({ version: stampedVersion() })));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  state = { signedIn: true, databases: [], secrets: ['METRICS_TOKEN'], url };
});

afterEach(() => {
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

async function run(script: string, ...args: string[]): Promise<{ code: number | null; said: string }> {
  writeFileSync(join(folder, 'state.json'), JSON.stringify(state));
  const env = {
    ...process.env,
    FAKE_WRANGLER: folder,
    ORP_WRANGLER: projectPath('test/scripts/fake-wrangler.mjs'),
    ORP_DEPLOY_FOLDER: folder,
  };
  const started = runScript(script, args, env);
  const code = await started.ended;
  return { code, said: started.output() };
}

const deploy = (...args: string[]) => run('scripts/deploy.ts', '--allow-dirty', ...args);
const settings = (text: string) => writeFileSync(join(folder, 'deploy.env'), text);

describe('a deploy', () => {
  it('creates the database in the named location, then migrates, then deploys the stamped version', async () => {
    const { code, said } = await deploy('--location', 'weur');
    expect({ code, said }).toMatchObject({ code: 0 });
    expect(commands()).toEqual([
      'whoami',
      'd1 list',
      'd1 create orp-runner',
      'd1 list',
      'secret list json',
      'd1 time-travel info',
      'd1 migrations apply',
      'd1 info orp-runner',
      expect.stringMatching(/^deploy /),
    ]);
    expect(calls()[2]).toContain('weur');
    expect(calls().at(-1)).toContain('OBJECT_LOCATION:weur');
    const { version } = JSON.parse(readFileSync(projectPath('package.json'), 'utf8')) as { version: string };
    expect(stampedVersion()).toMatch(new RegExp(`^${version}\\+[0-9a-f]{7}(\\.dirty)?$`));
    expect(said).toContain(`Version ${stampedVersion()} runs at http://127.0.0.1:`);
    expect(said).toContain('0000-before');
    const config = readFileSync(join(folder, 'wrangler.deploy.toml'), 'utf8');
    expect(config).toContain(`database_id = "${ID}"`);
    for (const at of [4, 5, 6, 7, 8]) expect(calls()[at]).toContain(join(folder, 'wrangler.deploy.toml'));
  });

  it('uses the database that exists, wherever it is, and creates nothing', async () => {
    state.databases = [
      { name: 'orp-runner-other', uuid: 'x' },
      { name: 'orp-runner', uuid: ID },
    ];
    expect(await deploy()).toMatchObject({ code: 0 });
    expect(commands()).not.toContain('d1 create orp-runner');
  });

  it('makes the objects of machines where the database is, whatever the operator names later', async () => {
    state.databases = [{ name: 'orp-runner', uuid: ID }];
    state.region = 'ENAM';
    await deploy('--location', 'weur');
    expect(calls().at(-1)).toContain('OBJECT_LOCATION:enam');
    state.region = 'MOON';
    await deploy('--location', 'weur');
    expect(calls().at(-1)).toContain('OBJECT_LOCATION:weur');
    await deploy();
    expect(calls().at(-1)?.join(' ')).not.toContain('OBJECT_LOCATION');
  });

  it('asks for the location of a missing database before anything is changed', async () => {
    const { code, said } = await deploy();
    expect(code).toBe(2);
    expect(said).toContain('--location weur');
    expect(commands()).toEqual(['whoami', 'd1 list']);
  });

  it('deploys nothing when a migration fails', async () => {
    state.databases = [{ name: 'orp-runner', uuid: ID }];
    state.fails = { 'd1 migrations apply': 'no such column' };
    const { code, said } = await deploy();
    expect(code).toBe(2);
    expect(said).toContain('The migrations were not applied');
    expect(commands().at(-1)).toBe('d1 migrations apply');
  });

  it('stops when wrangler is not signed in', async () => {
    state.signedIn = false;
    const { code, said } = await deploy('--location', 'weur');
    expect(code).toBe(2);
    expect(said).toContain('npx wrangler login');
    expect(commands()).toEqual(['whoami']);
  });

  it('names a missing secret with the command that sets it, also when there is no server yet', async () => {
    state.databases = [{ name: 'orp-runner', uuid: ID }];
    state.secrets = [];
    expect((await deploy()).said).toContain('wrangler secret put METRICS_TOKEN');
    state.fails = { 'secret list': 'This Worker does not exist on your account. [code: 10007]' };
    expect(await deploy()).toMatchObject({ code: 0, said: expect.stringContaining('METRICS_TOKEN') });
    state.fails = { 'secret list': 'Authentication error [code: 10000]' };
    expect(await deploy()).toMatchObject({ code: 2, said: expect.stringContaining('10000') });
  });

  it('passes on the settings of deploy.env, and refuses one that it does not know', async () => {
    state.databases = [{ name: 'orp-runner', uuid: ID }];
    settings(`ACCOUNT_LIMITS='{"queuedJobs": 7}'\nLOCATION=weur\n`);
    await deploy();
    expect(calls().at(-1)).toContain('ACCOUNT_LIMITS:{"queuedJobs": 7}');
    settings('METRICS_TOKEN=oops');
    expect(await deploy()).toMatchObject({ code: 2, said: expect.stringContaining('wrangler secret put') });
    settings('ACCOUNT_LIMITS={oops');
    expect(await deploy()).toMatchObject({ code: 2, said: expect.stringContaining('not JSON') });
  });

  it('fails when the server does not name the new version, and says how to go back', async () => {
    state.databases = [{ name: 'orp-runner', uuid: ID }];
    server.removeAllListeners('request');
    server.on('request', (_, answer) => answer.end('{"version": "0.0.1"}'));
    const { code, said } = await deploy('--wait-seconds', '0');
    expect(code).toBe(1);
    expect(said).toContain('--rollback');
  });

  it('as a dry run asks nobody: it bundles the server with the real wrangler and lists the steps', async () => {
    const started = runScript('scripts/deploy.ts', ['--dry-run'], {
      ...process.env,
      ORP_DEPLOY_FOLDER: folder,
      CLOUDFLARE_API_TOKEN: '',
    });
    expect(await started.ended).toBe(0);
    expect(started.output()).toMatch(/gzip: [\d.]+ KiB/);
    expect(started.output()).toContain('Nothing was changed.');
  });
});

describe('a rollback', () => {
  const version = (id: string, message: string) => ({ id, annotations: { 'workers/message': message } });

  beforeEach(() => {
    state.versions = [
      version('old', '0.5.0+aaa with migrations up to 0014_joining'),
      version('new', '0.6.0+bbb with migrations up to 0014_joining'),
      version('newest', '0.7.0+ccc with migrations up to 0015_more'),
    ];
    const deployment = (id: string, hour: number) => ({
      created_on: `2026-11-28T0${hour}:00:00Z`,
      versions: [{ version_id: id, percentage: 100 }],
    });
    state.deployments = [deployment('new', 2), deployment('old', 1), deployment('new', 3)];
  });

  it('goes back to the version that ran before', async () => {
    const { code, said } = await run('scripts/deploy.ts', '--rollback');
    expect({ code, said }).toMatchObject({ code: 0, said: expect.stringContaining('0.5.0+aaa') });
    expect(calls().at(-1)?.slice(0, 3)).toEqual(['rollback', 'old', '--yes']);
  });

  it('refuses an older schema until the operator accepts it', async () => {
    state.deployments = [
      ...(state.deployments as object[]),
      { created_on: '2026-11-28T04:00:00Z', versions: [{ version_id: 'newest', percentage: 100 }] },
    ];
    const { code, said } = await run('scripts/deploy.ts', '--rollback');
    expect(code).toBe(2);
    expect(said).toContain('--accept-newer-schema');
    expect(commands()).not.toContain('rollback new');
    const accepted = await run('scripts/deploy.ts', '--rollback', '--accept-newer-schema');
    expect(accepted).toMatchObject({ code: 0 });
    expect(calls().at(-1)?.slice(0, 2)).toEqual(['rollback', 'new']);
  });

  it('as a dry run only says where it would go, and refuses what runs already', async () => {
    const { said } = await run('scripts/deploy.ts', '--rollback', '--dry-run');
    expect(said).toContain('This would go back');
    expect(commands().some((command) => command.startsWith('rollback'))).toBe(false);
    expect(await run('scripts/deploy.ts', '--rollback', '--to', 'new')).toMatchObject({ code: 2 });
    expect(await run('scripts/deploy.ts', '--to', 'new')).toMatchObject({ code: 2 });
  });
});

it('the first operator of a deployed server gets a link, in the database that the deploy uses', async () => {
  state.databases = [{ name: 'orp-runner', uuid: ID }];
  const { code, said } = await run('scripts/operator.ts', '--remote', '--url', 'https://orp.example.org');
  expect({ code, said }).toMatchObject({
    code: 0,
    said: expect.stringContaining('https://orp.example.org/setup?token='),
  });
  const executed = calls().filter((args) => args[1] === 'execute');
  for (const args of executed) expect(args).toContain(join(folder, 'wrangler.deploy.toml'));
});
