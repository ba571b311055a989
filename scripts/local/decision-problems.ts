/** Finds problems in a folder of decision records. */

/**
 * Returns one sentence for each problem: a name without a number, a number that is used twice, a title with another number,
 * or a status that names a missing record.
 * @param records file name to text
 */
export function decisionProblems(records: ReadonlyMap<string, string>): string[] {
  const named = [...records].map(([name, text]) => ({ name, text, number: numberOf(name) }));
  const known = new Map<string, string>();
  const problems: string[] = [];
  for (const { name, text, number } of named) {
    if (number === undefined) {
      problems.push(`${name} must be named like 0042-what-was-decided.md.`);
      continue;
    }
    const other = known.get(number);
    if (other !== undefined) problems.push(`${name} has the number of ${other}; give it the next free one.`);
    known.set(number, name);
    if (!text.startsWith(`# ${number} `)) problems.push(`The title of ${name} must begin with # ${number}.`);
  }
  for (const { name, text } of named) {
    const [status = ''] = /^Status:.*$/m.exec(text) ?? [];
    for (const [number] of status.matchAll(/\b0\d{3}\b/g)) {
      if (!known.has(number)) problems.push(`The status of ${name} names ${number}, which no record has.`);
    }
  }
  return problems;
}

function numberOf(name: string): string | undefined {
  return /^(\d{4})-[a-z0-9-]+\.md$/.exec(name)?.[1];
}
