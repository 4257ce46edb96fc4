/** A service that only answers callers, whose organization has many batches: the work that pages are read from. */
import type { Bench, BenchDatabase } from '../bench.ts';

/** Starts the service and fills its database. */
export async function filledService(bench: Bench, batches: number, jobsOfEach: number) {
  const database = await bench.database();
  const service = await bench.service({
    databaseUrl: database.url,
    // Asked as often as it can answer, by one key.
    settings: { RATE_LIMIT_PER_KEY: '1000000000', RATE_LIMIT_PER_ORGANIZATION: '1000000000' },
    args: ['--role', 'api'],
  });
  const [organization] = await database.query('select id from organizations');
  const organizationId = String(organization?.['id']);
  bench.say(`${batches.toLocaleString('en-GB')} batches with ${jobsOfEach} job(s) each are written`);
  await fill(database, organizationId, { batches, jobsOfEach, full: bench.full });
  return { database, service, organizationId };
}

/** A page reads none of them; with `--full` there are a million all the same, to see that. */
const itemsOfEach = 10;

/** A batch a minute until now, in every state, for two providers; ids in the order of time, as ours are. */
async function fill(
  database: BenchDatabase,
  organizationId: string,
  { batches: count, jobsOfEach, full }: { batches: number; jobsOfEach: number; full: boolean },
): Promise<void> {
  const idOf = (kind: number, n: string) =>
    `('01a1e000-000${kind}-7000-8000-' || lpad(to_hex(${n}), 12, '0'))::uuid`;
  const createdAt = `now() - (${count} - n) * interval '1 minute'`;
  await database.query(`
    insert into batches (id, organization_id, name, provider, sandbox, endpoint, model, completion_window, metadata,
      status, version, total, bytes, succeeded, errored, pending, submitted, submit_mode, created_at, updated_at, closed_at, submitted_at)
    select ${idOf(0, 'n')}, '${organizationId}', 'nightly evaluation ' || n,
      case when n % 5 = 0 then 'anthropic' else 'openai' end, false, '/v1/chat/completions', 'gpt-5', '24h',
      jsonb_build_object('team', 'team ' || n % 100, 'run', n::text),
      (array['COMPLETED', 'COMPLETED', 'COMPLETED', 'IN_PROGRESS', 'FAILED'])[n % 5 + 1], 12, ${itemsOfEach}, ${itemsOfEach * 2},
      case when n % 5 < 3 then ${itemsOfEach} - 1 else 0 end, case when n % 5 in (3) then 0 when n % 5 = 4 then ${itemsOfEach} else 1 end,
      0, case when n % 5 = 3 then ${itemsOfEach} else 0 end, 'NOW', ${createdAt}, now(), ${createdAt}, ${createdAt}
    from generate_series(1, ${count}) n`);
  await database.query(`
    insert into jobs (id, batch_id, organization_id, number, attempt, provider, sandbox, credential, nonce, endpoint, model,
      completion_window, positions, request_count, bytes, status, collected, version, provider_job_id, provider_status,
      created_at, updated_at, submitted_at, completed_at)
    select ${idOf(1, `n * 16 + job`)}, ${idOf(0, 'n')}, '${organizationId}', job, 1,
      case when n % 5 = 0 then 'anthropic' else 'openai' end, false, 'none', 'n' || n || '-' || job,
      '/v1/chat/completions', 'gpt-5', '24h', int4multirange(int4range(job, job + 1)), 3, 400, 'COMPLETED', true, 5,
      'batch_' || md5(n || '-' || job), 'completed', ${createdAt}, now(), ${createdAt}, now()
    from generate_series(1, ${count}) n, generate_series(1, ${jobsOfEach}) job`);
  if (!full) return void (await database.query('vacuum analyze batches, jobs'));
  await database.query(`
    insert into items (batch_id, position, custom_id, endpoint, bytes, request, created_at)
    select ${idOf(0, 'n')}, position, 'item-' || position, '/v1/chat/completions', 2, '{}', now()
    from generate_series(1, ${count}) n, generate_series(0, ${itemsOfEach - 1}) position`);
  await database.query('vacuum analyze batches, jobs, items');
}
