/** Which variables of an environment would change what tests do: vendors', Postgres clients' and our own. */
import { variables } from '../../src/config/variables.ts';

const vendors = [
  'ANTHROPIC',
  'ANYAPI',
  'AWS',
  'BEDROCK',
  'GEMINI',
  'GOOGLE',
  'LETTA',
  'MISTRAL',
  'OPENAI',
  'SYNC',
  'XAI',
];
const foreign = new RegExp(`^(?:(?:${vendors.join('|')})_|PG[A-Z]+$|BATCHQL_)`, 'i');
const ours = new Set<string>(Object.values(variables).map(({ name }) => name));

/** Deletes them from `environment`. */
export function eraseSettings(environment: Record<string, string | undefined>): void {
  for (const name of Object.keys(environment)) {
    if (ours.has(name) || foreign.test(name)) delete environment[name];
  }
}
