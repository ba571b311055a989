/**
 * The variables by which one git command tells the next which repository it is about. git sets them for hooks, aliases
 * and `rebase --exec`, and they outlive a `cd`: whoever starts another program there has to take them out.
 * The list is that of `git rev-parse --local-env-vars`, and what steers the search for a repository.
 */

const CHOOSES_REPOSITORY =
  /^GIT_(?:DIR|WORK_TREE|IMPLICIT_WORK_TREE|COMMON_DIR|INDEX_FILE|INDEX_VERSION|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|NAMESPACE|PREFIX|INTERNAL_SUPER_PREFIX|QUARANTINE_PATH|GRAFT_FILE|SHALLOW_FILE|NO_REPLACE_OBJECTS|REPLACE_REF_BASE|CEILING_DIRECTORIES|DISCOVERY_ACROSS_FILESYSTEM|CONFIG|CONFIG_PARAMETERS)$/;

/** Their names, as far as they are set. git takes a blank one for a mistake; here it says nothing. */
export function repositoryVariables(env: NodeJS.ProcessEnv): string[] {
  return Object.keys(env).filter((name) => CHOOSES_REPOSITORY.test(name) && env[name]?.trim() !== '');
}

/** The environment without them. */
export function withoutRepositoryVariables(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !CHOOSES_REPOSITORY.test(name)));
}
