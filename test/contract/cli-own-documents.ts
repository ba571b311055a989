/** Documents of commands that v0.4.4 does not have. The server announces every extension. */

import { type DocumentRow, row } from './cli-documents.ts';

const JOB_LIST = 'ok:true jobs:job[] next_cursor:str has_more:bool';

export const OWN_DOCUMENTS: readonly DocumentRow[] = [
  own('at one glance', [
    'status',
    'linked',
    'ok:true account:obj repository:obj runner:obj jobs:list jobs_error:str needs_you:list next_actions:list',
  ]),
  { ...own('a check fails', ['doctor', 'linked', 'ok:false checks:check[]']), exit: 1 },
  own('sessions of the agents', [
    'link session discover',
    'linked, with sessions of the agent',
    'ok:true sessions:foundSession[]',
  ]),
  own('nothing to repair', [
    'link doctor --fix',
    'linked',
    'ok:true errors:int warnings:int issues:list status:linkStatus repaired:list',
  ]),
  {
    ...own('with the extensions of an issue', [
      'link doctor --strict',
      'signed out, linked',
      'ok:false errors:int warnings:int issues:ownIssue[] status:linkStatus',
    ]),
    exit: 1,
  },
  own('reviews', [
    'checkpoint list --idea-id ide_1',
    'linked',
    'ok:true checkpoints:review[] cursor:str has_more:bool',
  ]),
  own('reviews', ['checkpoint show chk_1', 'linked', 'ok:true checkpoint:review']),
  own('jobs', ['job list', 'linked', JOB_LIST]),
  own('jobs', ['job show job_1', 'linked', 'ok:true job:job']),
  own('jobs', ['job cancel job_1', 'linked', 'ok:true job:job']),
  own('policy, none', [
    'runner policy show',
    'linked',
    'ok:true path:str exists:bool policy:obj|null quiet_now:bool problems:list',
  ]),
];

function own(outcome: string, [command, given, keys]: [string, string, string]): DocumentRow {
  return row(outcome, [command, given, keys, '']);
}
