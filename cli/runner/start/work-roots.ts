/** Finds the repositories that a runner may work in, before every claim, and warns about repositories that it cannot use. */

import { CliError } from '../../base/exit.ts';
import type { Reporter } from '../../base/reporter.ts';
import { isLinkable, type LinkableRepository, requireGit, resolveRepo } from '../../git/repository.ts';
import type { Context } from '../../output/context.ts';
import {
  type Candidate,
  inspectRoots,
  movedRepository,
  requireReadable,
  unlinkedRepository,
} from '../../records/sync-payload.ts';

export interface RootsAsked {
  /** The root of `--repo-root`. It comes first. */
  repoRoot: string;
  /** Additional roots, in order. */
  linkedProjectRoot: readonly string[];
  /** Adds all repositories that are linked on this machine. */
  allLinked?: boolean | undefined;
}

export class WorkRoots {
  readonly #env: NodeJS.ProcessEnv;
  readonly #asked: RootsAsked;
  readonly #reporter: Reporter;
  /** The reported problems that still exist. */
  #reported = new Set<string>();

  constructor(env: NodeJS.ProcessEnv, asked: RootsAsked, reporter: Reporter) {
    this.#env = env;
    this.#asked = asked;
    this.#reporter = reporter;
  }

  /** Returns the current roots, because repositories may be linked or deleted while the runner runs. */
  async list(): Promise<{ roots: string[]; listed: string[]; warnings: string[]; isWhole: boolean }> {
    const { repoRoot, linkedProjectRoot, allLinked } = this.#asked;
    const named = [repoRoot, ...linkedProjectRoot];
    if (!allLinked) return { roots: named, listed: [], warnings: [], isWhole: false };
    const { findLinkedRoots } = await import('../../records/linked-roots.ts');
    const linked = await findLinkedRoots(this.#env);
    const { roots, warnings, isWhole } = linked;
    return { roots: [...named, ...roots], listed: roots, warnings, isWhole };
  }

  /**
   * Inspects all roots. A root that is missing, or whose records are unreadable, gets no jobs; the other roots do. Each
   * problem is reported once.
   */
  async inspect(): Promise<Candidate[]> {
    const { candidates, warnings } = await this.#inspectAll();
    this.#warnOnce([...warnings, ...candidates.flatMap(idleOf)]);
    return candidates;
  }

  /** Inspects the roots at the start. If no root is usable, it throws an error about the unreadable records. */
  async inspectFirst(): Promise<Candidate[]> {
    const { candidates, warnings } = await this.#inspectAll();
    const isLinked = candidates.some(({ kind }) => kind === 'linked');
    this.#warnOnce(isLinked ? [...warnings, ...candidates.flatMap(idleOf)] : warnings);
    if (this.#asked.allLinked && !isLinked && !candidates.some(({ kind }) => kind === 'unreadable')) {
      throw nothingLinked();
    }
    await this.#remember(candidates);
    return candidates;
  }

  /** Adds repositories that an older version linked without the list. Errors are ignored, because the list is optional. */
  async #remember(candidates: readonly Candidate[]): Promise<void> {
    const { readLinkedRoots, rememberRoot } = await import('../../records/linked-roots.ts');
    const known = new Set(readLinkedRoots(this.#env));
    const missing = candidates.filter(({ kind, root }) => kind === 'linked' && !known.has(root));
    for (const { root } of missing) await rememberRoot(this.#env, root).catch(() => undefined);
  }

  async #inspectAll(): Promise<{ candidates: Candidate[]; warnings: string[] }> {
    const { roots, listed, warnings } = await this.list();
    const candidates = await inspectRoots({ roots, env: this.#env, now: Date.now() });
    const unlinked = candidates
      .filter(({ root }) => listed.includes(root))
      .map(unlinkedRepository)
      .filter((sentence) => sentence !== undefined);
    return { candidates, warnings: [...warnings, ...candidates.flatMap(missingOf), ...unlinked] };
  }

  #warnOnce(sentences: readonly string[]): void {
    for (const sentence of sentences) if (!this.#reported.has(sentence)) this.#reporter.warn(sentence);
    this.#reported = new Set(sentences);
  }
}

/** Explains why a linked repository gets no jobs. */
function idleOf(candidate: Candidate): string[] {
  const trouble = candidate.kind === 'unreadable' ? candidate.trouble : movedRepository(candidate);
  return trouble === undefined
    ? []
    : [`${trouble.message} The repository gets no jobs. ${trouble.hint ?? ''}`];
}

function missingOf(candidate: Candidate): string[] {
  const isMissing = candidate.kind === 'skipped' && candidate.reason === 'missing';
  return isMissing ? [`${candidate.root} does not exist; it is skipped.`] : [];
}

function nothingLinked(): CliError {
  return new CliError('No repository is linked on this machine.', {
    code: 'not_linked',
    hint: 'Run `orp link project bind --idea-id <idea-id>` in a repository; `orp ideas list` shows the ideas.',
  });
}

/** Returns the first candidate that is a git work tree. Throws if there is none. */
export async function requireSomeGit(
  context: Context,
  candidates: readonly Candidate[],
): Promise<LinkableRepository> {
  for (const candidate of candidates) {
    if (candidate.kind === 'linked') return candidate.linked.repository;
    const repository = await resolveRepo(candidate.root, context.env);
    if (isLinkable(repository)) return repository;
  }
  return requireGit(await context.repository());
}

/** Throws unless at least one candidate is linked. */
export function requireSomeLinked(candidates: readonly Candidate[]): void {
  if (candidates.some((candidate) => candidate.kind === 'linked')) return;
  requireReadable(candidates);
  for (const candidate of candidates) {
    const moved = movedRepository(candidate);
    if (moved !== undefined) throw moved;
  }
  throw new CliError('None of the repositories is linked to an idea.', {
    code: 'not_linked',
    hint: 'Run `orp link project bind --idea-id <idea-id>`; `orp ideas list` shows the ideas.',
  });
}
