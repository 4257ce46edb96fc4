/**
 * The emulator, and what the adapter sends, against the vendor's published shapes. The shapes are transcribed from its
 * OpenAPI (openai-openapi, commit f85dbe2); the compiler holds each transcription against the types of the vendor's
 * package, and the tests hold what goes over the wire against the transcription.
 */
import type OpenAI from 'openai';
import type { WebhookEndpoint } from 'openai/resources/webhooks/webhooks';
import { afterEach, describe, expect, expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import { createHandClock, type HandClock } from '../../src/clock.ts';
import { isJsonObject, type JsonObject } from '../../src/domain/json-line.ts';
import { withBench } from '../../src/providers/audit/bench.ts';
import { tapWire } from '../../src/providers/audit/wire.ts';
import type { Emulator, EmulatorOptions } from '../../src/providers/emulation.ts';
import { openai } from '../../src/providers/openai/index.ts';

const seconds = z.int();
const count = z.int().nonnegative();

const endpoint = z.enum([
  '/v1/responses',
  '/v1/chat/completions',
  '/v1/embeddings',
  '/v1/completions',
  '/v1/moderations',
  '/v1/images/generations',
  '/v1/images/edits',
  '/v1/videos',
]);

const metadata = z.record(z.string(), z.string()).nullable();

const batchError = z.strictObject({
  code: z.string().exactOptional(),
  message: z.string().exactOptional(),
  param: z.string().nullable().exactOptional(),
  line: z.int().nullable().exactOptional(),
});

const batchUsage = z.strictObject({
  input_tokens: count,
  input_tokens_details: z.strictObject({ cached_tokens: count }),
  output_tokens: count,
  output_tokens_details: z.strictObject({ reasoning_tokens: count }),
  total_tokens: count,
});

const batch = z.strictObject({
  id: z.string(),
  object: z.literal('batch'),
  endpoint: z.string(),
  input_file_id: z.string(),
  completion_window: z.string(),
  status: z.enum([
    'validating',
    'failed',
    'in_progress',
    'finalizing',
    'completed',
    'expired',
    'cancelling',
    'cancelled',
  ]),
  created_at: seconds,
  model: z.string().exactOptional(),
  errors: z
    .strictObject({ object: z.string().exactOptional(), data: z.array(batchError).exactOptional() })
    .exactOptional(),
  output_file_id: z.string().exactOptional(),
  error_file_id: z.string().exactOptional(),
  in_progress_at: seconds.exactOptional(),
  expires_at: seconds.exactOptional(),
  finalizing_at: seconds.exactOptional(),
  completed_at: seconds.exactOptional(),
  failed_at: seconds.exactOptional(),
  expired_at: seconds.exactOptional(),
  cancelling_at: seconds.exactOptional(),
  cancelled_at: seconds.exactOptional(),
  request_counts: z.strictObject({ total: count, completed: count, failed: count }).exactOptional(),
  usage: batchUsage.exactOptional(),
  metadata: metadata.exactOptional(),
});

const file = z.strictObject({
  id: z.string(),
  object: z.literal('file'),
  bytes: count,
  created_at: seconds,
  filename: z.string(),
  purpose: z.enum([
    'assistants',
    'assistants_output',
    'batch',
    'batch_output',
    'fine-tune',
    'fine-tune-results',
    'vision',
    'user_data',
  ]),
  status: z.enum(['uploaded', 'processed', 'error']),
  expires_at: seconds.exactOptional(),
  status_details: z.string().exactOptional(),
});

const deletedFile = z.strictObject({ id: z.string(), object: z.literal('file'), deleted: z.boolean() });

const pageOf = <Entry extends z.ZodType>(entry: Entry) =>
  z.strictObject({
    object: z.literal('list'),
    data: z.array(entry),
    first_id: z.string(),
    last_id: z.string(),
    has_more: z.boolean(),
  });

const errorBody = z.strictObject({
  error: z.strictObject({
    code: z.string().nullable(),
    message: z.string(),
    param: z.string().nullable(),
    type: z.string(),
  }),
});

const creation = z.strictObject({
  input_file_id: z.string(),
  endpoint,
  completion_window: z.literal('24h'),
  metadata: metadata.exactOptional(),
  output_expires_after: z
    .strictObject({ anchor: z.literal('created_at'), seconds: z.int().min(3600).max(2_592_000) })
    .exactOptional(),
});

const webhookEndpoint = z.strictObject({
  id: z.string(),
  object: z.literal('webhook_endpoint'),
  created_at: seconds,
  event_types: z.array(z.string()),
  name: z.string(),
  signing_secret_hint: z.string().nullable(),
  url: z.string(),
  updated_at: seconds.exactOptional(),
});

test("the transcriptions are the types of the vendor's package", () => {
  expectTypeOf<z.output<typeof batch>>().toEqualTypeOf<OpenAI.Batch>();
  expectTypeOf<z.output<typeof file>>().toEqualTypeOf<OpenAI.FileObject>();
  expectTypeOf<z.output<typeof deletedFile>>().toEqualTypeOf<OpenAI.FileDeleted>();
  expectTypeOf<z.output<typeof creation>>().toEqualTypeOf<OpenAI.BatchCreateParams>();
  expectTypeOf<z.output<typeof webhookEndpoint>>().toEqualTypeOf<WebhookEndpoint>();
});

/** What the vendor shows as null where it says that a member is missing, in its own example of a batch. */
const withoutNulls = (value: unknown): JsonObject =>
  Object.fromEntries(
    Object.entries(isJsonObject(value) ? value : {}).filter(([, member]) => member !== null),
  );

describe('the emulator answers in the published shapes', () => {
  let emulator: Emulator;
  let clock: HandClock;
  afterEach(() => emulator.close());

  const begin = async (options: Partial<EmulatorOptions> = {}) => {
    clock = createHandClock(new Date('2026-01-01T00:00:00.000Z'));
    emulator = await openai.emulate({ clock, ...options });
  };

  const call = async (method: string, path: string, body?: string | FormData): Promise<unknown> => {
    const headers = { authorization: `Bearer ${emulator.apiKey}` };
    const answer = await fetch(`${emulator.baseUrl}${path}`, { method, headers, body: body ?? null });
    return answer.json();
  };

  const upload = (...prompts: readonly string[]) => {
    const lines = prompts.map((content, n) =>
      JSON.stringify({
        custom_id: `k${n}`,
        method: 'POST',
        url: '/v1/chat/completions',
        body: { model: 'gpt-x', messages: [{ role: 'user', content }] },
      }),
    );
    const form = new FormData();
    form.append('purpose', 'batch');
    form.append('file', new Blob([lines.join('\n')]), 'in.jsonl');
    return call('POST', '/files', form);
  };

  const create = async (prompts: readonly string[], changes: JsonObject = {}) => {
    const { id: input_file_id } = file.parse(await upload(...prompts));
    const body = { input_file_id, endpoint: '/v1/chat/completions', completion_window: '24h', ...changes };
    return call('POST', '/batches', JSON.stringify(body));
  };

  for (const absentNulls of [true, false]) {
    test(`a batch in each of its states, with members ${absentNulls ? 'left out' : 'null'} that have no value`, async () => {
      await begin({ switches: { absentNulls } });
      const parse = (answer: unknown) => batch.parse(absentNulls ? answer : withoutNulls(answer));
      const seen = new Set<string>();
      for (const [directive, cancels] of [
        ['plain', false],
        ['emulate:errored', false],
        ['emulate:job-failed', false],
        ['emulate:job-expired', false],
        ['emulate:stuck', true],
      ] as const) {
        const { id, status } = parse(await create([directive, 'b'], { metadata: { a: 'b' } }));
        seen.add(status);
        for (let step = 0; step < 26; step += 1) {
          clock.advance({ seconds: 1 });
          if (cancels && step === 5) seen.add(parse(await call('POST', `/batches/${id}/cancel`)).status);
          seen.add(parse(await call('GET', `/batches/${id}`)).status);
        }
      }
      expect([...seen].toSorted()).toEqual([...batch.shape.status.options].toSorted());
    });
  }

  test('a batch with everything that is always there, of which the shape spares nothing', async () => {
    await begin({ switches: { absentNulls: true } });
    const answer = batch.parse(await create(['a']));
    const required = [
      'id',
      'object',
      'endpoint',
      'input_file_id',
      'completion_window',
      'status',
      'created_at',
    ];
    const least = Object.fromEntries(Object.entries(answer).filter(([name]) => required.includes(name)));
    expect(batch.safeParse(least).success).toBe(true);
    for (const name of required) {
      const { [name]: _, ...rest } = least;
      expect([name, batch.safeParse(rest).success]).toEqual([name, false]);
    }
  });

  test('files, of the input and of the output, and their lists', async () => {
    await begin();
    await create(['a', 'emulate:errored']);
    clock.advance({ minutes: 1 });
    const files = pageOf(file).parse(await call('GET', '/files'));
    expect(files.data.map(({ purpose }) => purpose).toSorted()).toEqual([
      'batch',
      'batch_output',
      'batch_output',
    ]);
    for (const { id } of files.data) {
      file.parse(await call('GET', `/files/${id}`));
      deletedFile.parse(await call('DELETE', `/files/${id}`));
    }
  });

  test('a list of batches', async () => {
    await begin({ switches: { absentNulls: true } });
    for (let n = 0; n < 3; n += 1) await create(['a']);
    expect(pageOf(batch).parse(await call('GET', '/batches?limit=2'))).toMatchObject({ has_more: true });
  });

  test('a webhook endpoint, with its secret when it is made and without it later', async () => {
    await begin();
    const body = { name: 'n', url: 'https://a.example/hook', event_types: ['batch.completed'] };
    const made = await call('POST', '/webhook_endpoints', JSON.stringify(body));
    const { id } = webhookEndpoint.extend({ signing_secret: z.string() }).parse(made);
    webhookEndpoint.parse(await call('GET', `/webhook_endpoints/${id}`));
    pageOf(webhookEndpoint).parse(await call('GET', '/webhook_endpoints'));
  });

  test('a refusal, whatever was wrong', async () => {
    await begin();
    const form = new FormData();
    form.append('purpose', 'nonsense');
    for (const [method, path, body] of [
      ['GET', '/models', undefined],
      ['GET', '/batches/batch_1', undefined],
      ['GET', '/batches?limit=0', undefined],
      ['GET', '/batches?after=x', undefined],
      ['POST', '/batches/batch_1/cancel', undefined],
      ['POST', '/batches', '{'],
      ['POST', '/batches', '{}'],
      ['GET', '/files/file-1', undefined],
      ['GET', '/files/file-1/content', undefined],
      ['DELETE', '/files/file-1', undefined],
      ['GET', '/files?limit=0', undefined],
      ['POST', '/files', '{}'],
      ['POST', '/files', form],
      ['POST', '/webhook_endpoints', '{}'],
      ['GET', '/webhook_endpoints/whe_1', undefined],
    ] as const) {
      errorBody.parse(await call(method, path, body));
    }
    for (const changes of [
      { endpoint: '/v1/audio' },
      { completion_window: '1h' },
      { metadata: { a: 1 } },
      { output_expires_after: { anchor: 'created_at', seconds: 60 } },
      { nickname: 'x' },
    ]) {
      errorBody.parse(await create(['a'], changes));
    }
    batch.parse(
      withoutNulls(await create(['a'], { output_expires_after: { anchor: 'created_at', seconds: 3600 } })),
    );
    emulator.faults.clear();
    const stranger = await fetch(`${emulator.baseUrl}/batches`, {
      headers: { authorization: 'Bearer sk-no' },
    });
    errorBody.parse(await stranger.json());
  });

  /** What the vendor requires of the answer of each endpoint. */
  const requiredOf: Record<z.output<typeof endpoint>, readonly string[]> = {
    '/v1/chat/completions': ['choices', 'created', 'id', 'model', 'object'],
    '/v1/responses': [
      ...['id', 'object', 'created_at', 'error', 'incomplete_details', 'instructions', 'model', 'tools'],
      ...['output', 'parallel_tool_calls', 'metadata', 'tool_choice', 'temperature', 'top_p'],
    ],
    '/v1/embeddings': ['object', 'model', 'data', 'usage'],
    '/v1/completions': ['id', 'object', 'created', 'model', 'choices'],
    '/v1/moderations': ['id', 'model', 'results'],
    '/v1/images/generations': ['created'],
    '/v1/images/edits': ['created'],
    '/v1/videos': [
      ...['id', 'object', 'model', 'status', 'progress', 'created_at', 'completed_at', 'expires_at'],
      ...['prompt', 'size', 'seconds', 'remixed_from_video_id', 'error'],
    ],
  };

  test.each(endpoint.options)('an answer of %s with every member that is required', async (path) => {
    await begin();
    const body = { model: 'm', messages: [], input: 'a', prompt: 'a', images: [{ file_id: 'file-1' }] };
    const form = new FormData();
    form.append('purpose', 'batch');
    form.append(
      'file',
      new Blob([JSON.stringify({ custom_id: 'k', method: 'POST', url: path, body })]),
      'in.jsonl',
    );
    const { id: input_file_id } = file.parse(await call('POST', '/files', form));
    const created = await call(
      'POST',
      '/batches',
      JSON.stringify({ input_file_id, endpoint: path, completion_window: '24h' }),
    );
    const { id } = batch.parse(withoutNulls(created));
    clock.advance({ minutes: 1 });
    const { output_file_id: output = '' } = batch.parse(withoutNulls(await call('GET', `/batches/${id}`)));
    const line = z
      .strictObject({
        id: z.string(),
        custom_id: z.literal('k'),
        response: z.strictObject({
          status_code: z.literal(200),
          request_id: z.string(),
          body: z.record(z.string(), z.json()),
        }),
        error: z.null(),
      })
      .parse(await call('GET', `/files/${output}/content`));
    expect(Object.keys(line.response.body)).toEqual(expect.arrayContaining([...requiredOf[path]]));
  });
});

test('the adapter creates a batch with what the vendor publishes, and with nothing else', async () => {
  await withBench(openai, async (bench) => {
    const tap = await tapWire(bench.emulator.baseUrl);
    try {
      const client = openai.connect(bench.via(tap.baseUrl), { clock: bench.clock });
      await bench.submit(bench.draft(bench.bodies(2)), { client });
    } finally {
      await tap.close();
    }
    const [, body = ''] = /\r\n\r\n(\{"input_file_id".*\})/.exec(tap.heard().toString('utf8')) ?? [];
    const { metadata: sent } = creation.parse(JSON.parse(body));
    expect(Object.keys(sent ?? {}).length).toBeLessThanOrEqual(16);
  });
});
