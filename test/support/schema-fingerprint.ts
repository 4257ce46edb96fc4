/** What stands in a database's catalogue, as texts that two databases, or two moments, can be compared by. */
import postgres from 'postgres';

/** The schema, and traces of every change to it. */
export interface SchemaFingerprint {
  /** Tables, columns, indexes, constraints, functions and applied migrations; alike in databases that are alike. */
  readonly content: readonly string[];
  /** Which transaction wrote each relation: differs as soon as anything was done again. */
  readonly history: readonly string[];
}

/** Reads the catalogue of the database at `url`. */
export async function fingerprintSchema(url: string): Promise<SchemaFingerprint> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  try {
    const content = await sql<{ line: string }[]>`
      with ours as (select oid, nspname from pg_namespace where nspname in ('public', 'drizzle', 'graphile_worker'))
      select concat_ws(' ', 'column', nspname, relname, attname, format_type(atttypid, atttypmod), attnotnull) as line
        from pg_attribute join pg_class on pg_class.oid = attrelid join ours on ours.oid = relnamespace where attnum > 0
      union all
      select concat_ws(' ', 'index', schemaname, indexdef) from pg_indexes join ours on nspname = schemaname
      union all
      select concat_ws(' ', 'constraint', nspname, conname, pg_get_constraintdef(pg_constraint.oid))
        from pg_constraint join ours on ours.oid = connamespace
      union all
      select concat_ws(' ', 'function', nspname, proname, pg_get_function_arguments(pg_proc.oid))
        from pg_proc join ours on ours.oid = pronamespace
      union all
      select concat_ws(' ', 'migration', hash) from drizzle.__drizzle_migrations
      union all
      select concat_ws(' ', 'queue migration', id::text) from graphile_worker.migrations
      order by 1`;
    const history = await sql<{ line: string }[]>`
      select concat_ws(' ', relname, pg_class.xmin::text) as line
        from pg_class join pg_namespace on pg_namespace.oid = relnamespace
        where nspname in ('public', 'drizzle', 'graphile_worker') order by 1`;
    return { content: content.map(({ line }) => line), history: history.map(({ line }) => line) };
  } finally {
    await sql.end({ timeout: 5 });
  }
}
