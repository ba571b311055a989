/**
 * The variables with which git tells subprocesses the repository. git sets them for hooks, aliases and `rebase --exec`, and they
 * stay set after a `cd`, so they must be removed before starting a program in another folder.
 * The list is that of `git rev-parse --local-env-vars` plus the variables that control the search for a repository.
 */

const CHOOSES_REPOSITORY =
  /^GIT_(?:DIR|WORK_TREE|IMPLICIT_WORK_TREE|COMMON_DIR|INDEX_FILE|INDEX_VERSION|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|NAMESPACE|PREFIX|INTERNAL_SUPER_PREFIX|QUARANTINE_PATH|GRAFT_FILE|SHALLOW_FILE|NO_REPLACE_OBJECTS|REPLACE_REF_BASE|CEILING_DIRECTORIES|DISCOVERY_ACROSS_FILESYSTEM|CONFIG|CONFIG_PARAMETERS)$/;

/** Returns the names of the variables that are set. Ignores empty variables, which git rejects. */
export function repositoryVariables(env: NodeJS.ProcessEnv): string[] {
  return Object.keys(env).filter((name) => CHOOSES_REPOSITORY.test(name) && env[name]?.trim() !== '');
}

/** The environment without these variables. */
export function withoutRepositoryVariables(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !CHOOSES_REPOSITORY.test(name)));
}
