/**
 * The one place where a database error becomes ours. Drivers and the query builder put statements, parameters
 * and offending rows into their errors, and our parameters are people's prompts; what leaves here carries a
 * SQLSTATE (or the driver's code) and the names of schema objects, and nothing else.
 */
import { DrizzleQueryError } from 'drizzle-orm';
import { AppError } from '../errors.ts';

/** A failure of the database or of the connection to it. Safe to log: no statement, parameter or row is in it. */
export class DatabaseError extends Error {
  /** SQLSTATE such as `23505`, or the driver's code such as `ECONNREFUSED`; `unknown` where there is none. */
  readonly code: string;
  readonly constraint: string | null;
  readonly table: string | null;
  constructor(code: string, constraint: string | null, table: string | null) {
    const where = [table, constraint].filter((name) => name !== null).join(', ');
    super(`database error ${code}${where === '' ? '' : ` (${where})`}`);
    this.name = 'DatabaseError';
    this.code = code;
    this.constraint = constraint;
    this.table = table;
  }
}

/**
 * `error` stripped to what may be seen, where a driver or the query builder made it; any other error as it is. The
 * query builder's error holds statement and parameters, so it never passes, whatever caused it.
 */
export function strippedError(error: unknown): unknown {
  if (error instanceof DrizzleQueryError) {
    return fromDriver(error.cause) ?? new DatabaseError('unknown', null, null);
  }
  return fromDriver(error) ?? error;
}

/** What pg says where nobody answered in time; it gives those errors no code. */
const silenceCodes: ReadonlyMap<string, string> = new Map([
  ['Query read timeout', 'ANSWER_TIMEOUT'],
  ['timeout exceeded when trying to connect', 'CONNECT_TIMEOUT'],
  ['Connection terminated due to connection timeout', 'CONNECT_TIMEOUT'],
]);

/** Both drivers (postgres.js and pg) mark their errors by these fields; pg calls the constraint otherwise. */
function fromDriver(error: unknown): DatabaseError | null {
  if (!(error instanceof Error) || error instanceof DatabaseError || error instanceof AppError) return null;
  const fields: Readonly<Record<string, unknown>> = { ...error };
  const code = text(fields['code']) ?? silenceCodes.get(error.message) ?? null;
  const isDriver =
    error.name === 'PostgresError' || 'severity' in fields || (code !== null && /^[A-Z_]+$/.test(code));
  if (!isDriver) return null;
  return new DatabaseError(
    code ?? 'unknown',
    text(fields['constraint_name']) ?? text(fields['constraint']),
    text(fields['table_name']) ?? text(fields['table']),
  );
}

const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);
