/** The examples at the end of each help text, by the full name of the command. */

const EXAMPLES: Readonly<Record<string, readonly string[]>> = {
  'auth token list': ['orp auth token list', 'orp auth token list --json'],
  'auth status': ['orp auth status', 'orp auth status --json'],
  'auth token create': [
    'orp auth token create ci --scope enqueue',
    'orp auth token create dashboard --scope read --expires-in-days 30 --fields token',
  ],
  'auth token revoke': ['orp auth token revoke 0123456789abcdef'],
  'auth password': ['orp auth password', 'orp auth password --revoke-others'],
  'auth login': [
    'orp auth login',
    'orp auth login --email you@example.org',
    'orp auth login --password-stdin < password.txt',
  ],
  'auth verify': ['orp auth verify', 'orp auth verify --code 123456'],
  'auth logout': ['orp auth logout'],
  whoami: ['orp whoami', 'orp whoami --json'],
  'link status': ['orp link status', 'orp link status --json'],
  'link doctor': ['orp link doctor', 'orp link doctor --fix', 'orp link doctor --strict'],
  'link import-rust': ['orp link import-rust --all'],
  'link project bind': [
    'orp link project bind --idea-id <idea-id>',
    'orp link project bind --idea-id <idea-id> --name tides',
  ],
  'link project show': ['orp link project show', 'orp link project show --json'],
  'link project status': ['orp link project status'],
  'link project unbind': ['orp link project unbind'],
  'link session register': [
    'orp link session register',
    'orp link session register --orp-session-id main --label Main --codex-session-id <id> --primary',
    'orp link session register --orp-session-id docs --label Docs --codex-session-id <id> --role exploration',
  ],
  'link session discover': ['orp link session discover', 'orp link session discover --all --json'],
  'link session list': ['orp link session list', 'orp link session list --json'],
  'link session show': ['orp link session show main'],
  'link session set-primary': ['orp link session set-primary main'],
  'link session archive': ['orp link session archive docs'],
  'link session unarchive': ['orp link session unarchive docs'],
  'link session remove': ['orp link session remove docs'],
  'link session import-rust': ['orp link session import-rust'],
  'runner enable': ['orp runner enable'],
  'runner disable': ['orp runner disable'],
  'runner status': ['orp runner status', 'orp runner status --hosted --json'],
  'runner heartbeat': ['orp runner heartbeat'],
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
  'idea restore': ['orp idea restore <idea-id>'],
  'feature list': ['orp feature list <idea-id>', 'orp feature list <idea-id> --json'],
  'feature show': ['orp feature show <feature-id> --idea-id <idea-id>'],
  'feature add': [
    'orp feature add --idea-id <idea-id> --title "Sampling grid" --detail "10 m spacing"',
    'orp feature add --idea-id <idea-id> --title "Sampling grid" --details-file sections.json',
  ],
  'feature update': [
    'orp feature update <feature-id> --idea-id <idea-id> --detail "5 m spacing"',
    'orp feature update <feature-id> --idea-id <idea-id> --completed',
  ],
  'feature remove': ['orp feature remove <feature-id>'],
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
  'admin invitations revoke': ['orp admin invitations revoke 0123456789abcdef'],
  'admin accounts': ['orp admin accounts', 'orp admin accounts --account you@example.org --json'],
  'admin disable': ['orp admin disable you@example.org --reason "left the team"'],
  'admin enable': ['orp admin enable you@example.org'],
  'admin reset-password': ['orp admin reset-password you@example.org'],
  'admin alerts': ['orp admin alerts', 'orp admin alerts --strict --json'],
  'admin bulk cancel': [
    'orp admin bulk cancel --account you@example.org --status queued',
    'orp admin bulk cancel --account you@example.org --status queued --name wrong-prompts --count 12',
  ],
  'admin bulk requeue': [
    'orp admin bulk requeue --machine-id <machine-id>',
    'orp admin bulk requeue --machine-id <machine-id> --name after-repair --count 3',
  ],
  'admin bulk show': ['orp admin bulk show', 'orp admin bulk show wrong-prompts --json'],
  'admin bulk abort': ['orp admin bulk abort wrong-prompts'],
  'agent work': ['orp agent work --once', 'orp agent work --agent survey-repo --dry-run'],
};

/** Returns the end of a help text, with these examples. */
export function examplesText(lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}`;
}

/** The examples of a command (`job submit`), if it has any. */
export function examplesOf(name: string): readonly string[] | undefined {
  return EXAMPLES[name];
}
