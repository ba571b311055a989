import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parse } from 'plist';
import { describe, expect, it } from 'vitest';
import { renderLaunchAgent } from '../../../cli/service/launch-agent.ts';
import { planService, type ServicePlan } from '../../../cli/service/service-plan.ts';
import { renderUnit } from '../../../cli/service/systemd-unit.ts';

const plan: ServicePlan = {
  program: [
    '/usr/local/bin/node',
    '/opt/orp & co/orp.js',
    'runner',
    'serve',
    '--',
    '--codex-bin',
    '/a "b" $c %d',
  ],
  environment: { PATH: '/usr/bin:/bin', CODEX_HOME: '/Users/mira/<codex>' },
  workingFolder: '/Users/mira',
  crashLog: '/Users/mira/.local/state/orp/log/runner-crash.log',
};

describe('the LaunchAgent', () => {
  it('is this text', () => {
    expect(renderLaunchAgent(plan)).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>orp.runner</string>
  <key>ProgramArguments</key>
  <array>
    <string>/usr/local/bin/node</string>
    <string>/opt/orp &amp; co/orp.js</string>
    <string>runner</string>
    <string>serve</string>
    <string>--</string>
    <string>--codex-bin</string>
    <string>/a "b" $c %d</string>
  </array>
  <key>EnvironmentVariables</key>
  <dict>
    <key>PATH</key>
    <string>/usr/bin:/bin</string>
    <key>CODEX_HOME</key>
    <string>/Users/mira/&lt;codex&gt;</string>
  </dict>
  <key>WorkingDirectory</key>
  <string>/Users/mira</string>
  <key>RunAtLoad</key>
  <true/>
  <key>KeepAlive</key>
  <dict>
    <key>SuccessfulExit</key>
    <false/>
  </dict>
  <key>ThrottleInterval</key>
  <integer>30</integer>
  <key>ExitTimeOut</key>
  <integer>90</integer>
  <key>AbandonProcessGroup</key>
  <false/>
  <key>ProcessType</key>
  <string>Standard</string>
  <key>StandardOutPath</key>
  <string>/dev/null</string>
  <key>StandardErrorPath</key>
  <string>/Users/mira/.local/state/orp/log/runner-crash.log</string>
</dict>
</plist>
`);
  });
});

describe('a LaunchAgent with strange values', () => {
  it('is read by a property list parser as it was meant', () => {
    const texts = ['', ' a ', 'x & <y> "z" \'q\'', ']]>', 'zwölf \u{1F600}', 'a\tb\nc', '&amp;', '--'];
    const strange = { ...plan, program: texts, environment: { 'a&b': '<c>', EMPTY: '' } };
    const read = parse(renderLaunchAgent(strange)) as Record<string, unknown>;
    expect(read).toMatchObject({
      ProgramArguments: texts,
      EnvironmentVariables: { 'a&b': '<c>', EMPTY: '' },
      KeepAlive: { SuccessfulExit: false },
      ThrottleInterval: 30,
      RunAtLoad: true,
    });
    expect(parse(renderLaunchAgent({ ...plan, program: [], environment: {} }))).toMatchObject({
      ProgramArguments: [],
      EnvironmentVariables: {},
    });
  });

  it.each(['\0', '\u0001', '\u001b[31m', '\ufffe', '\ud800'])(
    'is refused with %j, which XML cannot contain',
    (text) => {
      expect(() => renderLaunchAgent({ ...plan, program: [`/a${text}b`] })).toThrow(/cannot be described/);
    },
  );
});

describe('the systemd unit', () => {
  it('is this text', () => {
    expect(renderUnit(plan)).toBe(`[Unit]
Description=ORP runner: works on jobs in the linked agent sessions
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart="/usr/local/bin/node" "/opt/orp & co/orp.js" "runner" "serve" "--" "--codex-bin" "/a \\"b\\" $$c %%d"
WorkingDirectory=/Users/mira
Environment="PATH=/usr/bin:/bin"
Environment="CODEX_HOME=/Users/mira/<codex>"
Restart=on-failure
RestartSec=30
KillMode=mixed
TimeoutStopSec=90
StandardOutput=null
StandardError=journal

[Install]
WantedBy=default.target
`);
  });
});

describe('the plan of the service', () => {
  function withHome(work: (home: string) => void): void {
    const home = realpathSync(mkdtempSync(join(tmpdir(), 'orp-plan-')));
    try {
      work(home);
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  }

  const source = (home: string, env: NodeJS.ProcessEnv, node = '/usr/bin/node') => ({
    env: { HOME: home, ...env },
    node,
    script: '/opt/orp/orp.js',
    words: ['--all-linked'],
    repoRoot: '/code/tides',
  });

  it('carries the settings that count, no secrets, and no time zone: the computer may travel', () =>
    withHome((home) => {
      const { plan: made } = planService(
        source(home, {
          ORP_BASE_URL: 'https://orp.example.test',
          ORP_TOKEN: 'dvt_1',
          ORP_VERSION: '1.2.3',
          CODEX_HOME: '/codex',
          OPENAI_API_KEY: 'sk-1',
          HTTPS_PROXY: 'http://proxy:1',
          CODEX_BIN: 'a\nExecStart=/bin/evil',
          TZ: 'Asia/Tokyo',
          RANDOM: 'x',
        }),
      );
      const { PATH, ...rest } = made.environment;
      expect(rest).toEqual({
        CODEX_HOME: '/codex',
        HTTPS_PROXY: 'http://proxy:1',
        ORP_BASE_URL: 'https://orp.example.test',
        ORP_RUNNER_SERVICE: '1',
      });
      expect(PATH?.split(':')).toContain('/usr/bin');
      expect(made.program).toEqual([
        '/usr/bin/node',
        '--max-semi-space-size=1',
        '/opt/orp/orp.js',
        '--repo-root',
        '/code/tides',
        'runner',
        'serve',
        '--',
        '--all-linked',
      ]);
    }));

  it.each(['/code/a\nExecStart=/bin/evil', '/code/\u0001'])(
    'refuses %j: a definition cannot hold it',
    (repoRoot) =>
      withHome((home) => {
        expect(() => planService({ ...source(home, {}), repoRoot })).toThrow(
          'it contains a control character',
        );
      }),
  );

  it('carries a program only by its whole path, since a service has another folder', () =>
    withHome((home) => {
      const carried = (bin: string) =>
        planService(source(home, { CODEX_BIN: bin })).plan.environment.CODEX_BIN;
      expect(carried('/opt/codex')).toBe('/opt/codex');
      expect(carried('codex')).toBe('codex');
      expect(carried('./bin/codex')).toBe(resolve('bin/codex'));
    }));

  it('prefers a link to Node that an upgrade leaves in place, and warns when there is none', () =>
    withHome((home) => {
      const versioned = join(home, '.nvm/versions/node/v26/bin');
      mkdirSync(versioned, { recursive: true });
      mkdirSync(join(home, 'bin'));
      writeFileSync(join(versioned, 'node'), '');
      const node = join(versioned, 'node');
      const { warnings, plan: made } = planService(source(home, { PATH: `${versioned}:${home}/bin` }, node));
      expect(made.program[0]).toBe(node);
      expect(warnings).toEqual([expect.stringContaining('which an upgrade may remove')]);

      symlinkSync(node, join(home, 'bin/node'));
      const better = planService(source(home, { PATH: `${versioned}:${home}/bin` }, node));
      expect(better.plan.program[0]).toBe(join(home, 'bin/node'));
      expect(better.warnings).toEqual([]);
    }));
});
