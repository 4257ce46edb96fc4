/**
 * The emulator against the vendor's published shapes. They are transcribed from the types of its package; the compiler
 * holds each transcription against those, and the tests hold what goes over the wire against the transcription.
 */
import type Anthropic from '@anthropic-ai/sdk';
import { afterEach, beforeEach, describe, expect, expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import { createHandClock, type HandClock } from '../../src/clock.ts';
import { anthropic } from '../../src/providers/anthropic/index.ts';
import type { Emulator } from '../../src/providers/emulation.ts';

const count = z.int().nonnegative();
const time = z.iso.datetime({ precision: 6 });

/** Every member is always there. */
const batch = z.strictObject({
  id: z.string(),
  type: z.literal('message_batch'),
  processing_status: z.enum(['in_progress', 'canceling', 'ended']),
  request_counts: z.strictObject({
    processing: count,
    succeeded: count,
    errored: count,
    canceled: count,
    expired: count,
  }),
  created_at: time,
  expires_at: time,
  ended_at: time.nullable(),
  cancel_initiated_at: time.nullable(),
  archived_at: time.nullable(),
  results_url: z.string().nullable(),
});

const deleted = z.strictObject({ id: z.string(), type: z.literal('message_batch_deleted') });

const page = z.strictObject({
  data: z.array(batch),
  has_more: z.boolean(),
  first_id: z.string().nullable(),
  last_id: z.string().nullable(),
});

const errorTypes = z.enum([
  'invalid_request_error',
  'authentication_error',
  'not_found_error',
  'overloaded_error',
]);
const error = z.strictObject({
  type: z.literal('error'),
  error: z.strictObject({ type: errorTypes, message: z.string() }),
  request_id: z.string().nullable(),
});

const message = z.strictObject({
  id: z.string(),
  type: z.literal('message'),
  role: z.literal('assistant'),
  model: z.string(),
  container: z.null(),
  content: z.array(z.strictObject({ type: z.literal('text'), text: z.string(), citations: z.null() })),
  diagnostics: z.null(),
  stop_details: z.null(),
  stop_reason: z.enum(['end_turn', 'max_tokens']),
  stop_sequence: z.null(),
  usage: z.strictObject({
    cache_creation: z.null(),
    cache_creation_input_tokens: count.nullable(),
    cache_read_input_tokens: count.nullable(),
    inference_geo: z.null(),
    input_tokens: count,
    output_tokens: count,
    output_tokens_details: z.null(),
    server_tool_use: z.null(),
    service_tier: z.literal('batch'),
    speed: z.null(),
  }),
});

const line = z.strictObject({
  custom_id: z.string(),
  result: z.union([
    z.strictObject({ type: z.literal('succeeded'), message }),
    z.strictObject({ type: z.literal('errored'), error }),
    z.strictObject({ type: z.literal('canceled') }),
    z.strictObject({ type: z.literal('expired') }),
  ]),
});

test("the transcriptions are the types of the vendor's package", () => {
  type Messages = typeof Anthropic.Messages.prototype;
  type Batches = Messages['batches'];
  expectTypeOf<z.output<typeof batch>>().toEqualTypeOf<Anthropic.Messages.MessageBatch>();
  expectTypeOf<z.output<typeof deleted>>().toEqualTypeOf<Anthropic.Messages.DeletedMessageBatch>();
  // What the emulator answers is a part of what the vendor may.
  expectTypeOf<z.output<typeof error>>().toExtend<Anthropic.ErrorResponse>();
  expectTypeOf<z.output<typeof message>>().toExtend<Anthropic.Messages.Message>();
  expectTypeOf<z.output<typeof line>>().toExtend<Anthropic.Messages.MessageBatchIndividualResponse>();
  expectTypeOf<z.output<typeof page>['data']>().toEqualTypeOf<Awaited<ReturnType<Batches['list']>>['data']>();
});

describe('the emulator answers in the published shapes', () => {
  let emulator: Emulator;
  let clock: HandClock;
  beforeEach(async () => {
    clock = createHandClock(new Date('2026-11-22T10:00:00Z'));
    emulator = await anthropic.emulate({ clock });
  });
  afterEach(() => emulator.close());

  const answer = (method: string, path: string, body?: unknown) =>
    fetch(`${emulator.baseUrl}/v1/messages/batches${path}`, {
      method,
      headers: { authorization: `Bearer ${emulator.apiKey}` },
      body: body === undefined ? null : JSON.stringify(body),
    });
  const call = async (method: string, path: string, body?: unknown): Promise<unknown> =>
    (await answer(method, path, body)).json();

  const create = async (...prompts: readonly string[]) => {
    const requests = prompts.map((content, n) => ({
      custom_id: `k${n}`,
      params: { model: 'claude-x', max_tokens: 64, messages: [{ role: 'user', content }] },
    }));
    return batch.parse(await call('POST', '', { requests }));
  };

  test('a batch with every member in each of its states, whose counts always sum to its requests', async () => {
    const seen = new Set<string>();
    for (const directive of ['plain', 'emulate:errored', 'emulate:job-expired', 'emulate:stuck']) {
      const { id } = await create(directive, 'b', 'c');
      for (let step = 0; step < 26; step += 1) {
        clock.advance({ seconds: 1 });
        if (directive === 'emulate:stuck' && step === 5) batch.parse(await call('POST', `/${id}/cancel`));
        const { processing_status: status, request_counts: counts } = batch.parse(
          await call('GET', `/${id}`),
        );
        seen.add(status);
        expect(Object.values(counts).reduce((sum, more) => sum + more, 0)).toBe(3);
        if (status !== 'ended') expect(counts.processing).toBe(3);
      }
    }
    expect([...seen].toSorted()).toEqual([...batch.shape.processing_status.options].toSorted());
  });

  test('a batch whose results were archived', async () => {
    const { id } = await create('a');
    clock.advance({ hours: 30 * 24 });
    expect(batch.parse(await call('GET', `/${id}`)).archived_at).toBe('2026-12-21T10:00:00.000000Z');
  });

  test('a page of the list, with and without batches, and what is left of a deleted one', async () => {
    expect(page.parse(await call('GET', ''))).toEqual({
      data: [],
      has_more: false,
      first_id: null,
      last_id: null,
    });
    const { id } = await create('a');
    expect(page.parse(await call('GET', '?limit=1'))).toMatchObject({ first_id: id, last_id: id });
    clock.advance({ minutes: 1 });
    expect(deleted.parse(await call('DELETE', `/${id}`)).id).toBe(id);
  });

  test('each kind of result line', async () => {
    const { id } = await create('a', 'emulate:errored', 'emulate:overloaded', 'emulate:expired', 'e', 'f');
    const { id: stopped } = await create('a', 'emulate:stuck', 'c', 'd');
    clock.advance({ seconds: 11 });
    await call('POST', `/${stopped}/cancel`);
    clock.advance({ minutes: 1 });
    const kinds = new Set<string>();
    for (const path of [`/${id}/results`, `/${stopped}/results`]) {
      const text = await (await answer('GET', path)).text();
      for (const written of text.trimEnd().split('\n'))
        kinds.add(line.parse(JSON.parse(written)).result.type);
    }
    expect([...kinds].toSorted()).toEqual(['canceled', 'errored', 'expired', 'succeeded']);
  });

  test('a refusal, whatever was wrong, with the id of the request in a header, too', async () => {
    const { id } = await create('a');
    for (const [method, path, body] of [
      ['GET', '/msgbatch_none', undefined],
      ['GET', `/${id}/results`, undefined],
      ['DELETE', `/${id}`, undefined],
      ['GET', '?limit=0', undefined],
      ['POST', '', {}],
      ['POST', '', { requests: [{}] }],
    ] as const) {
      const refused = await answer(method, path, body);
      expect(error.parse(await refused.json()).request_id).toBe(refused.headers.get('request-id'));
    }
    const stranger = await fetch(`${emulator.baseUrl}/v1/messages/batches`);
    expect(error.parse(await stranger.json()).error.type).toBe('authentication_error');
  });
});
