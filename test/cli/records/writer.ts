/** A process that changes shared state over and over, for the test of concurrent writers. */

import { requireGit, resolveRepo } from '../../../cli/git/repository.ts';
import { updateMachine } from '../../../cli/records/machine.ts';
import { registeredRecord } from '../../../cli/records/sessions/session-record.ts';
import { sessionPath, updateSessions } from '../../../cli/records/sessions/sessions.ts';

const [name = '', repo = '', rounds = '0'] = process.argv.slice(2);
const now = Date.now();
const repository = requireGit(await resolveRepo(repo, process.env));

for (let round = 0; round < Number(rounds); round += 1) {
  const id = `${name}-${round}`;
  await updateSessions(repository, now, (stored) => {
    const told = { id, label: id, root: repository.root, archived: false, primary: false };
    return [...stored, { record: registeredRecord(told, undefined, now), path: sessionPath(repository, id) }];
  });
  // A counter kept in a text field: every lost update shows.
  await updateMachine({ env: process.env, now }, ({ machine_name: count }) => ({
    machine_name: String(Number(count) + 1),
  }));
}
