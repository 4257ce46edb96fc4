/** A batch that is over, made by SQL as an ingest would leave it: requests and results of about a kilobyte each. */
import type { BenchDatabase, BenchService } from '../bench.ts';

/** A batch to be downloaded. */
export interface AnsweredBatch {
  readonly id: string;
  /** The bytes of all its results, as the provider sent them. */
  readonly bytes: number;
}

/** Makes a batch of so many answered requests. */
export async function answeredBatch(
  database: BenchDatabase,
  service: BenchService,
  lines: number,
): Promise<AnsweredBatch> {
  const made = await service.query(
    `mutation { createBatch(input: { provider: "openai" }) { ... on CreateBatchPayload { batch { uuid } } } }`,
  );
  const { uuid: id } = (made['createBatch'] as { batch: { uuid: string } }).batch;
  await database.query(
    `insert into items (batch_id, position, custom_id, endpoint, model, bytes, request, created_at)
     select $1::uuid, n, 'review-' || lpad(n::text, 8, '0'), '/v1/chat/completions', 'gpt-5-mini', octet_length(body), body, now()
     from generate_series(0, $2::int - 1) n, lateral (select '{"model":"gpt-5-mini","messages":[{"role":"user","content":"'
       || (select string_agg(md5(n::text || '/' || k), ' ') from generate_series(1, 25) k) || '"}]}' as body) made`,
    [id, lines],
  );
  await database.query(
    `insert into results (batch_id, position, attempt, status, seq, stop_reason, input_tokens, output_tokens, cost, response, finished_at)
     select $1::uuid, n, 1, 'SUCCEEDED', 2 + n / 1000, 'stop', 250, 120, 0.000271,
       '{"id":"batch_req_' || md5(n::text) || '","custom_id":"0123456789abcdefghij-' || n
       || '","response":{"status_code":200,"request_id":"' || md5('r' || n) || '","body":{"id":"chatcmpl-' || md5('c' || n)
       || '","object":"chat.completion","created":1764201600,"model":"gpt-5-mini","choices":[{"index":0,"message":{"role":"assistant","content":"'
       || (select string_agg(md5(n::text || '+' || k), ' ') from generate_series(1, 17) k)
       || E'\\\\n\\\\"Good\\\\"","refusal":null},"finish_reason":"stop"}],"usage":{"prompt_tokens":250,"completion_tokens":120,"total_tokens":370}}},"error":null}',
       now()
     from generate_series(0, $2::int - 1) n`,
    [id, lines],
  );
  await database.query(
    `update batches set total = $2::int, succeeded = $2::int, status = 'COMPLETED', closed_at = now(), completed_at = now() where id = $1`,
    [id, lines],
  );
  // As autovacuum would within a minute.
  await database.query('vacuum analyze items');
  await database.query('vacuum analyze results');
  const [row] = await database.query(
    'select sum(octet_length(response))::float8 as bytes from results where batch_id = $1',
    [id],
  );
  return { id, bytes: Number(row?.['bytes']) };
}
