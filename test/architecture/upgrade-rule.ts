/**
 * The upgrade rule, over the migrations: processes of the version before go on beside a database that was migrated by
 * this one. So a migration adds, and never takes away or changes what an older process reads or writes.
 */

/** What a migration must not do, each with why. */
const forbidden: readonly { readonly pattern: RegExp; readonly why: string }[] = [
  { pattern: /\bDROP\s+(?!NOT\s+NULL|DEFAULT)/i, why: 'takes away what an older process may use' },
  { pattern: /\bRENAME\b/i, why: 'takes away a name that an older process uses' },
  { pattern: /\bSET\s+NOT\s+NULL\b/i, why: 'refuses rows that an older process writes' },
  { pattern: /\bALTER\s+COLUMN\b.*\bTYPE\b/is, why: 'changes what an older process reads' },
  { pattern: /\bTRUNCATE\b|\bDELETE\s+FROM\b/i, why: 'removes rows' },
  {
    pattern: /\bADD\s+COLUMN\b(?![^;]*\bDEFAULT\b)[^;]*\bNOT\s+NULL\b/is,
    why: 'refuses rows of an older process, which does not know the column',
  },
];

/**
 * What of a migration breaks the rule, one sentence each. A contract step names, in the opening comment, the version
 * since which nothing uses what it takes away: `-- Contract: unused since 0.4.0.`
 */
export function brokenUpgradeRules(migration: string): string[] {
  if (/^-- Contract: unused since \d+\.\d+\.\d+\.$/m.test(migration)) return [];
  return migration
    .replace(/^--.*$/gm, '')
    .replace(/'(?:[^']|'')*'/g, "''")
    .split(';')
    .flatMap((statement) =>
      forbidden
        .filter(({ pattern }) => pattern.test(statement))
        .map(({ why }) => `${statement.trim().split('\n')[0]} ${why}`),
    );
}
