/** A process that counts in two shared records, for the test of concurrent writers. Every lost update shows. */

import { requireGit, resolveRepo } from '../../../cli/git/repository.ts';
import { updateMachine } from '../../../cli/records/machine.ts';
import { updateSessions } from '../../../cli/records/sessions/sessions.ts';

const [repo = '', rounds = '0'] = process.argv.slice(2);
const now = Date.now();
const repository = requireGit(await resolveRepo(repo, process.env));
const next = (count: string) => String(Number(count) + 1);

for (let round = 0; round < Number(rounds); round += 1) {
  await updateMachine({ env: process.env, now }, ({ machine_name: count }) => ({
    machine_name: next(count),
  }));
  await updateSessions(repository, now, (stored) =>
    stored.map((session) => ({
      ...session,
      record: { ...session.record, label: next(session.record.label) },
    })),
  );
}
