/** The end of each help text: examples and exit codes, by the full name of the command. */

const EXAMPLES: Readonly<Record<string, readonly string[]>> = {
  'auth token list': ['orp auth token list', 'orp auth token list --json'],
  'auth status': ['orp auth status', 'orp auth status --json'],
  'auth token create': [
    'orp auth token create ci --scope enqueue',
    'orp auth token create dashboard --scope read --expires-in-days 30 --fields token',
  ],
  'auth token revoke': [
    'orp auth token revoke 0123456789abcdef',
    'orp auth token revoke 0123456789abcdef --json',
  ],
  'auth password': ['orp auth password', 'orp auth password --revoke-others'],
  'auth login': [
    'orp auth login',
    'orp auth login --email you@example.org',
    'orp auth login --password-stdin < password.txt',
  ],
  'auth verify': ['orp auth verify', 'orp auth verify --code 123456'],
  'auth logout': ['orp auth logout', 'orp auth logout --json'],
  whoami: ['orp whoami', 'orp whoami --json'],
  'link status': ['orp link status', 'orp link status --json'],
  'link doctor': ['orp link doctor', 'orp link doctor --fix', 'orp link doctor --strict'],
  'link import-rust': ['orp link import-rust --all', 'orp link import-rust --all --json'],
  'link project bind': [
    'orp link project bind --idea-id <idea-id>',
    'orp link project bind --idea-id <idea-id> --name tides',
  ],
  'link project show': ['orp link project show', 'orp link project show --json'],
  'link project status': ['orp link project status', 'orp link project status --json'],
  'link project unbind': ['orp link project unbind', 'orp link project unbind --json'],
  'link session register': [
    'orp link session register',
    'orp link session register --orp-session-id main --label Main --codex-session-id <id> --primary',
    'orp link session register --orp-session-id docs --label Docs --codex-session-id <id> --role exploration',
  ],
  'link session discover': ['orp link session discover', 'orp link session discover --all --json'],
  'link session list': ['orp link session list', 'orp link session list --json'],
  'link session show': ['orp link session show main', 'orp link session show main --json'],
  'link session set-primary': ['orp link session set-primary main', 'orp link session set-primary docs'],
  'link session archive': ['orp link session archive docs', 'orp link session archive docs --json'],
  'link session unarchive': ['orp link session unarchive docs', 'orp link session unarchive docs --json'],
  'link session remove': ['orp link session remove docs', 'orp link session remove docs --json'],
  'link session import-rust': ['orp link session import-rust', 'orp link session import-rust --json'],
  'runner enable': ['orp runner enable', 'orp runner enable --json'],
  'runner disable': ['orp runner disable', 'orp runner disable --json'],
  'runner status': ['orp runner status', 'orp runner status --hosted --json'],
  'runner heartbeat': ['orp runner heartbeat', 'orp runner heartbeat --json'],
  'runner sync': ['orp runner sync', 'orp runner sync --all-linked'],
  'runner cancel': ['orp runner cancel', 'orp runner cancel <job-id> --reason "wrong branch"'],
  'runner retry': ['orp runner retry', 'orp runner retry <job-id> --reason "network was down"'],
  'runner drain': [
    'orp runner drain --reason "moving the machine"',
    'orp runner drain --machine-id <machine-id>',
  ],
  'runner resume': ['orp runner resume', 'orp runner resume --machine-id <machine-id>'],
  'runner work': ['orp runner work --all-linked', 'orp runner work --once --dry-run'],
  'runner policy show': ['orp runner policy show', 'orp runner policy show --json'],
  'runner policy check': ['orp runner policy check', 'orp runner policy check --json'],
  'runner policy test': [
    'orp job show <job-id> --json | orp runner policy test -',
    `echo '{"kind": "session.prompt", "createdBy": "mira@example.org"}' | orp runner policy test -`,
  ],
  'runner install': ['orp runner install', 'orp runner install -- --all-linked --max-jobs 2'],
  'runner uninstall': ['orp runner uninstall', 'orp runner uninstall --wait 600'],
  'runner restart': ['orp runner restart', 'orp runner restart --wait 600'],
  'runner logs': ['orp runner logs --follow', 'orp runner logs --lines 500'],
  'job submit': [
    'orp job submit "Run the tests and fix what fails"',
    'orp job submit "Summarize the open changes" --wait > summary.md',
    'orp job submit --file prompt.md --not-before 2h --idea-id <idea-id>',
  ],
  'job list': ['orp job list --status live', 'orp job list --idea-id <idea-id> --limit 100'],
  'job show': ['orp job show <job-id>', 'orp job show <job-id> --json'],
  'job logs': ['orp job logs <job-id>', 'orp job logs <job-id> --follow'],
  'job watch': ['orp job watch', 'orp job watch --json --jq .job.id'],
  'job wait': ['orp job wait <job-id>', 'orp job wait <job-id> --timeout 600'],
  'job cancel': ['orp job cancel <job-id>', 'orp job cancel <job-id> --reason "wrong branch"'],
  'job retry': ['orp job retry <job-id>', 'orp job retry <job-id> --reason "network was down"'],
  'checkpoint queue': [
    'orp checkpoint queue --idea-id <idea-id>',
    'orp checkpoint queue --idea-id <idea-id> --user-note "Is the plan still right?"',
  ],
  'checkpoint list': ['orp checkpoint list', 'orp checkpoint list --idea-id <idea-id> --limit 100'],
  'checkpoint show': ['orp checkpoint show <checkpoint-id>', 'orp checkpoint show <checkpoint-id> --json'],
  'ideas list': ['orp ideas list', 'orp ideas list --sort title_asc --limit 10'],
  'idea show': ['orp idea show <idea-id>', 'orp idea show <idea-id> --json'],
  'idea add': [
    'orp idea add --title "Tidal survey"',
    'orp idea add --title "Tidal survey" --notes "$(cat plan.md)" --visibility private',
  ],
  'idea update': [
    'orp idea update <idea-id> --title "Tidal survey 2"',
    'orp idea update <idea-id> --github-url ""',
  ],
  'idea remove': ['orp idea remove <idea-id>', 'orp idea remove <idea-id> --purge'],
  'idea restore': ['orp idea restore <idea-id>', 'orp idea restore <idea-id> --json'],
  'feature list': ['orp feature list <idea-id>', 'orp feature list <idea-id> --json'],
  'feature show': [
    'orp feature show <feature-id> --idea-id <idea-id>',
    'orp feature show <feature-id> --idea-id <idea-id> --json',
  ],
  'feature add': [
    'orp feature add --idea-id <idea-id> --title "Sampling grid" --detail "10 m spacing"',
    'orp feature add --idea-id <idea-id> --title "Sampling grid" --details-file sections.json',
  ],
  'feature update': [
    'orp feature update <feature-id> --idea-id <idea-id> --detail "5 m spacing"',
    'orp feature update <feature-id> --idea-id <idea-id> --completed',
  ],
  'feature remove': ['orp feature remove <feature-id>', 'orp feature remove <feature-id> --json'],
  'world show': ['orp world show <idea-id>', 'orp world show <idea-id> --json'],
  'world bind': [
    'orp world bind <idea-id> --project-root /srv/tides',
    'orp world bind <idea-id> --name tides --github-url ""',
  ],
  'admin machines': [
    'orp admin machines --state silent',
    'orp admin machines --account you@example.org --json',
  ],
  'admin invite': ['orp admin invite', 'orp admin invite --role operator --email you@example.org --json'],
  'admin invitations': ['orp admin invitations', 'orp admin invitations --json'],
  'admin invitations revoke': [
    'orp admin invitations revoke 0123456789abcdef',
    'orp admin invitations revoke 0123456789abcdef --json',
  ],
  'admin accounts': ['orp admin accounts', 'orp admin accounts --account you@example.org --json'],
  'admin limits': [
    'orp admin limits --json',
    'orp admin limits you@example.org --set queuedJobs=100 --default ideas',
  ],
  'admin disable': [
    'orp admin disable you@example.org --reason "left the team"',
    'orp admin disable you@example.org --json',
  ],
  'admin enable': ['orp admin enable you@example.org', 'orp admin enable you@example.org --json'],
  'admin reset-password': [
    'orp admin reset-password you@example.org',
    'orp admin reset-password you@example.org --json',
  ],
  'admin alerts': ['orp admin alerts', 'orp admin alerts --strict --json'],
  'admin audit': [
    'orp admin audit --account you@example.org',
    'orp admin audit --action sign_in_failed --json',
  ],
  'admin bulk cancel': [
    'orp admin bulk cancel --account you@example.org --status queued',
    'orp admin bulk cancel --account you@example.org --status queued --name wrong-prompts --count 12',
  ],
  'admin bulk requeue': [
    'orp admin bulk requeue --machine-id <machine-id>',
    'orp admin bulk requeue --machine-id <machine-id> --name after-repair --count 3',
  ],
  'admin bulk show': ['orp admin bulk show', 'orp admin bulk show wrong-prompts --json'],
  'admin bulk abort': ['orp admin bulk abort wrong-prompts', 'orp admin bulk abort wrong-prompts --json'],
  'agent work': ['orp agent work --once', 'orp agent work --agent survey-repo --dry-run'],
};

/** Returns the end of a help text, with these examples. */
export function examplesText(lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}`;
}

/** The meaning of exit code 1, for the commands that use it. */
const NEGATIVE: Readonly<Record<string, string>> = {
  setup: 'a required step is not done',
  doctor: 'a check found an error',
  'link doctor': 'the links have an error',
  'runner work': 'with --once: the job failed',
  'runner policy show': 'the policy is invalid, so no jobs may run',
  'runner policy check': 'the policy is invalid, so no jobs may run',
  'runner policy test': 'the policy refuses the job',
  'agent work': 'with --once: the job failed',
  'job submit': 'with --wait: the job failed or was cancelled',
  'job wait': 'the job failed or was cancelled',
  'admin alerts': 'with --strict: there are alerts',
  'admin bulk cancel': 'the order did not complete',
  'admin bulk requeue': 'the order did not complete',
};

/** The meaning of exit code 130, for the commands that the first Ctrl-C does not end. */
const INTERRUPTED: Readonly<Record<string, string>> = {
  'runner work': 'ended by the second Ctrl-C, or before --once began a job',
  'agent work': 'ended by the second Ctrl-C, or before --once began a job',
};

const TIME_LIMIT: Readonly<Record<string, string>> = {
  'job submit': 'with --wait: the time limit was reached; the job continues',
};

function exitCodesOf(name: string): string {
  const [negative, limit] = [NEGATIVE[name], TIME_LIMIT[name]];
  const lines = [
    '  0    success',
    ...(negative === undefined ? [] : [`  1    ${negative}`]),
    '  2    an error: wrong usage, no sign-in, no connection, a refusal',
    ...(limit === undefined ? [] : [`  124  ${limit}`]),
    `  130  ${INTERRUPTED[name] ?? 'interrupted with Ctrl-C'}`,
  ];
  return `\nExit codes:\n${lines.join('\n')}`;
}

/** Returns the end of the help text of a command (`job submit`). A group gets its examples from its row in the program. */
export function endingOf(name: string, isGroup: boolean): string {
  const examples = EXAMPLES[name];
  const ending = examples === undefined ? '' : examplesText(examples);
  return isGroup ? ending : `${ending}\n${exitCodesOf(name)}`.replace(/^\n(?=\n)/, '');
}
