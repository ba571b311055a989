/** Shows a session as a conversation, and the form for the next prompt. */

import type { Refusal } from '../../../spec/errors.ts';
import type { Conversation, Turn } from '../../jobs/conversation.ts';
import type { SendableSession } from '../../jobs/sessions.ts';
import { shownLine } from '../design/shown.ts';
import { folderName, jobSentence, kindNoun } from '../jobs/about-job.ts';
import { StatusBadge } from '../parts/badge.tsx';
import { Field, Select } from '../parts/forms.tsx';
import { Heading } from '../parts/lists.tsx';
import { ErrorNote } from '../parts/notes.tsx';
import { Prose } from '../parts/prose.tsx';
import { CopyableId, Sentence, Time } from '../parts/texts.tsx';
import { CHOICES, type ChoiceName, type Draft } from './draft.ts';
import { policySentence, WaitingBadge } from './waiting-badge.tsx';

interface Props {
  /** The id that the agent gives the session. */
  id: string;
  conversation: Conversation;
  /** True if the newest turns are on another page. */
  isEarlier: boolean;
  draft: Draft;
  refusal: Refusal | undefined;
  now: number;
}

export function sessionName({ session, turns }: Conversation): string {
  const latest = turns.at(-1);
  const projectRoot = session?.projectRoot ?? latest?.projectRoot ?? latest?.target.projectRoot;
  const label = session?.label || session?.orpSessionId || latest?.orpSessionId;
  return (
    [projectRoot && folderName(projectRoot), label && shownLine(label, 60)].filter(Boolean).join(' · ') ||
    'Session'
  );
}

export function SessionBody({ id, conversation, isEarlier, draft, refusal, now }: Props) {
  const { session, turns, earlier, scanned } = conversation;
  const path = `/sessions/${encodeURIComponent(id)}`;
  return (
    <div class="conversation">
      <div data-region="head">
        <Heading
          title={sessionName(conversation)}
          aside={
            session === undefined ? (
              'No machine has linked this session now.'
            ) : (
              <>
                <WaitingBadge code={session.waiting.code} /> {shownLine(session.machineName, 60)}
              </>
            )
          }
        />
      </div>
      <p class="quiet small">
        Agent session <CopyableId id={id} label="agent session id" />
      </p>
      {earlier !== undefined && (
        <p class="more">
          <a class="button" href={`${path}?before=${earlier}`}>
            {turns.length === 0 ? 'Look further back' : 'Earlier'}
          </a>
        </p>
      )}
      <div data-region="turns">
        {turns.length === 0 && (
          <p class="quiet">
            {earlier === undefined
              ? 'No prompts yet. The first one starts the conversation.'
              : `None of the ${scanned.toLocaleString('en')} newest jobs before here ran in this session.`}
          </p>
        )}
        {turns.map((turn) => (
          <TurnView turn={turn} now={now} />
        ))}
        <span id="latest" />
      </div>
      {isEarlier && (
        <p class="more">
          <a class="button" href={path}>
            Back to the newest
          </a>
        </p>
      )}
      {session !== undefined && !isEarlier && (
        <PromptForm path={path} session={session} draft={draft} refusal={refusal} />
      )}
    </div>
  );
}

function TurnView({ turn, now }: { turn: Turn; now: number }) {
  const isPrompt = turn.kind === 'session.prompt';
  const sentence = jobSentence(turn);
  return (
    <article class="turn" data-row>
      <div class="turn-prompt">
        {isPrompt ? (
          <Prose text={turn.prompt} missing={missingOf(turn.prompt, turn.promptCharacters)} />
        ) : (
          kindNoun(turn.kind)
        )}
      </div>
      <p class="turn-about quiet">
        <StatusBadge status={turn.status} /> <a href={`/jobs/${turn.id}`}>Details</a>{' '}
        <Time at={turn.finishedAt ?? turn.startedAt ?? turn.createdAt} now={now} />
      </p>
      {turn.content !== undefined ? (
        <div class="turn-answer">
          <Prose text={turn.content} missing={missingOf(turn.content, turn.contentCharacters)} />
        </div>
      ) : (
        sentence !== '' && (
          <p class="turn-state">
            <Sentence text={sentence} />
          </p>
        )
      )}
    </article>
  );
}

/** The number of characters that are not in the beginning of a text. */
function missingOf(text: string, whole: number): number {
  return whole - [...text].length;
}

/** The form for the next prompt. It says what happens if the prompt is sent now, and offers the options of the job. */
interface FormProps {
  path: string;
  session: SendableSession;
  draft: Draft;
  refusal: Refusal | undefined;
}

const LABELS: readonly (readonly [ChoiceName, string])[] = [
  ['notBefore', 'When'],
  ['priority', 'Order'],
  ['expires', 'If it cannot run'],
  ['onLeaseLoss', 'If the machine stops responding while the agent works'],
  ['sessionFallback', 'If this session cannot take it'],
];

function PromptForm({ path, session, draft, refusal }: FormProps) {
  return (
    <form method="post" action={`${path}/prompts`} class="prompt-form" id="prompt">
      <ErrorNote refusal={refusal} />
      <input type="hidden" name="key" value={draft.key} />
      <input type="hidden" name="machineId" value={session.machineId} />
      <input type="hidden" name="projectRoot" value={session.projectRoot} />
      <input type="hidden" name="orpSessionId" value={session.orpSessionId} />
      <Field name="prompt" label="Next prompt">
        <textarea id="field-prompt" name="prompt" rows={4} required aria-describedby="help-prompt">
          {draft.prompt}
        </textarea>
      </Field>
      <details class="options" open={refusal !== undefined}>
        <summary>Options</summary>
        <div class="options-body">
          {LABELS.map(([name, label]) => (
            <Field name={name} label={label}>
              <Select name={name} value={draft[name]} options={CHOICES[name]} />
            </Field>
          ))}
        </div>
      </details>
      <div class="send-row">
        <p class="help" id="help-prompt" data-region="preview">
          <Sentence text={session.waiting.message} /> <Sentence text={policySentence(session)} />
        </p>
        <button type="submit" class="button button-main">
          Send
        </button>
      </div>
    </form>
  );
}
