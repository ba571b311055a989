/** Composes the prompt of a checkpoint review from the parts that its `contextSelection` selects. */

import { SECTION_TITLES } from './sections.ts';

/** The parts that the prompt quotes. A part is absent if it was not selected or does not exist. */
export interface ReviewContext {
  ideaTitle?: string | undefined;
  corePlan?: string | undefined;
  githubUrl?: string | undefined;
  repository?: { name: string; projectRoot?: string | undefined } | undefined;
  features: readonly {
    title: string;
    notes?: string | undefined;
    sections: readonly { label: string; body: string }[];
  }[];
  /** The summaries of earlier responses, oldest first. */
  previousSummaries: readonly string[];
  userNote?: string | undefined;
}

/** The maximum number of quoted earlier responses. */
export const MAX_PREVIOUS_SUMMARIES = 5;

/** Returns the complete prompt in Markdown. It asks the agent to change no files, because a review may run twice. */
export function composeReviewPrompt(context: ReviewContext): string {
  return [
    'Review the current state of this repository against the plan below. Only read: do not change, create or delete anything.',
    ...quote('Idea', context.ideaTitle),
    ...quote('Core plan', context.corePlan),
    ...quote('GitHub', context.githubUrl),
    ...quote('Repository', repositoryLine(context.repository)),
    ...context.features.flatMap(featureText),
    ...quote('Earlier reviews', bullets(context.previousSummaries)),
    ...quote('Note from the sender', context.userNote),
    answerFormat(),
  ].join('\n\n');
}

function quote(title: string, text: string | undefined): string[] {
  return text === undefined || text.trim() === '' ? [] : [`## ${title}\n\n${text.trim()}`];
}

function repositoryLine(repository: ReviewContext['repository']): string | undefined {
  if (repository === undefined) return undefined;
  return repository.projectRoot === undefined
    ? repository.name
    : `${repository.name} (${repository.projectRoot})`;
}

function featureText(feature: ReviewContext['features'][number]): string[] {
  const parts = [
    ...(feature.notes?.trim() ? [feature.notes.trim()] : []),
    ...feature.sections.map((section) => `### ${section.label}\n\n${section.body.trim()}`),
  ];
  return [`## Feature: ${feature.title}${parts.length > 0 ? `\n\n${parts.join('\n\n')}` : ''}`];
}

function bullets(lines: readonly string[]): string | undefined {
  return lines.length === 0 ? undefined : lines.map((line) => `- ${line}`).join('\n');
}

function answerFormat(): string {
  const { previousState, currentState, headingState, reviewNotes, actionItems } = SECTION_TITLES;
  return [
    'Answer with exactly these five sections, each heading alone on its line:',
    '',
    `## ${previousState}`,
    'Where the work stood before.',
    `## ${currentState}`,
    'Where it stands now.',
    `## ${headingState}`,
    'Where it is heading.',
    `## ${reviewNotes}`,
    '- one observation a line',
    `## ${actionItems}`,
    '- one next step a line',
  ].join('\n');
}
