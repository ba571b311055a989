/** The remedy for each problem that `link doctor` finds. */

/** Maps each problem code to the sentence that `link doctor` shows for it. */
export const REMEDIES = {
  missing_git_repo: 'Run the command in a repository, pass --repo-root, or run `git init`.',
  listed_but_not_linked: 'Run `orp link project bind --idea-id <idea-id>` in the repository.',
  linked_but_not_listed: '`orp link doctor --fix` adds the repository to the list.',
  invalid_project_link_record:
    'Run `orp link project bind --idea-id <idea-id>`. It keeps the unreadable file beside the new one.',
  invalid_sign_in_record: 'Run `orp auth login`.',
  sessions_without_project_link:
    'Run `orp link project bind --idea-id <idea-id>`; `orp ideas list` shows ids.',
  project_root_mismatch:
    'When the repository has moved, `orp link doctor --fix` changes the link. In a copy, run `orp link project bind --idea-id <idea-id>`.',
  missing_hosted_auth: 'Run `orp auth login`.',
  linked_email_mismatch:
    'Run `orp auth login` with the account of the link, or `orp link project bind --idea-id <idea-id>` to link with this account.',
  linked_project_without_sessions: 'Run `orp link session discover` to choose a session of your agent.',
  multiple_primary_sessions:
    '`orp link doctor --fix` keeps the first one; `orp link session set-primary <id>` chooses.',
  missing_primary_session:
    '`orp link doctor --fix` chooses one; `orp link session set-primary <id>` chooses another.',
  invalid_session_link_record:
    '`orp link doctor --fix` moves the file aside. Register the session again with `orp link session discover`.',
  session_project_root_mismatch:
    '`orp link doctor --fix` changes it when that folder is gone. Otherwise register the session in its own repository.',
  unknown_agent: 'Update orp, or run `orp link session archive <id>`.',
  missing_codex_session_id:
    'Run `orp link session discover` and link a session of your agent, or `orp link session archive <id>`.',
  duplicate_codex_session_id: 'Run `orp link session archive <id>` for one of the two.',
  stale_agent_session:
    'Run `orp link session discover` to link another session, and `orp link session archive <id>` for this one.',
  archived_agent_session: 'Unarchive the session in the agent, or run `orp link session archive <id>`.',
  archived_session_named_by_jobs:
    'Run `orp link session unarchive <id>`, or cancel the jobs with `orp job cancel <job-id>`.',
  invalid_runtime_record: '`orp link doctor --fix` moves the file aside. The runner writes a new one.',
  hosted_world_unavailable: 'Run the command again later. `orp whoami` shows whether the server answers.',
  hosted_world_deleted:
    'Run `orp link project bind --idea-id <idea-id>` to bind the repository again, or `orp link project unbind` to unlink it.',
  hosted_world_project_root_mismatch:
    'Run `orp link project bind --idea-id <idea-id>` here when this is the right folder.',
  hosted_world_id_mismatch:
    'Run `orp link project bind --idea-id <idea-id>` to take over the world of the server.',
  desktop_records_differ:
    '`orp link import-rust --all` takes over the records of the desktop app; otherwise nothing needs to be done.',
  folder_open_to_others: '`orp link doctor --fix` makes it private.',
  path_not_accessible:
    '`orp link doctor --fix` gives you access when the path is yours. Otherwise make it writable, or set XDG_CONFIG_HOME and XDG_STATE_HOME.',
  agent_missing: 'Install it, or set its path with CODEX_BIN.',
  agent_too_old: 'Update it.',
  agent_signed_out: 'Run `codex login`.',
} as const satisfies Record<string, string>;

export type DoctorCode = keyof typeof REMEDIES;
