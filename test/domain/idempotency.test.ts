import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createHandClock } from '../../src/clock.ts';
import { createBatchInput } from '../../src/domain/batch-input.ts';
import { askedFor, type CallInput, forgottenBefore } from '../../src/domain/idempotency.ts';
import type { JsonObject, JsonValue } from '../../src/domain/json-line.ts';
import { retryBatchInput } from '../../src/domain/retry.ts';
import { idempotencyKeySchema } from '../../src/domain/storable-text.ts';

const asked = (verb: string, input: CallInput): string => [...askedFor(verb, input)].join('');

/** JSON as callers send it, which has been through a parser. */
const json = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as JsonValue);
const body = fc.dictionary(fc.string(), json) as fc.Arbitrary<JsonObject>;
const optional = (text: fc.Arbitrary<string>) => fc.option(text, { nil: null });
const list = fc
  .array(fc.record({ customId: optional(fc.string()), model: optional(fc.string()), body }), { maxLength: 4 })
  .map((requests) => ({ kind: 'list' as const, requests }));
const lines = fc.record({
  kind: fc.constant('lines' as const),
  field: fc.constantFrom('jsonl' as const, 'file' as const),
  text: fc.string(),
});
const inputs = fc.record({
  name: optional(fc.string()),
  metadata: fc.dictionary(fc.string(), fc.string()),
  requests: fc.oneof(list, lines, fc.constant(null)),
});
const calls = fc.record({ verb: fc.constantFrom('createBatch', 'addRequests'), input: inputs });

/** The same value with the members of its objects in the opposite order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, member]) => [key, reversed(member)]),
  );
}

/** What a call says, for comparing: nothing of its order, and nothing of what it leaves out. */
const meaning = (value: unknown): string =>
  JSON.stringify(value, (_key, member) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([one], [other]) => (one < other ? -1 : 1)))
      : member,
  );

describe('What a call asks for', () => {
  test('is the same for the same call, in whatever order the members of its objects stand', () => {
    fc.assert(
      fc.property(calls, ({ verb, input }) => {
        expect(asked(verb, reversed(input) as CallInput)).toBe(asked(verb, structuredClone(input)));
      }),
    );
  });

  test('differs wherever two calls differ', () => {
    fc.assert(
      fc.property(calls, calls, (one, other) => {
        const same = asked(one.verb, one.input) === asked(other.verb, other.input);
        expect(same).toBe(meaning(one) === meaning(other));
      }),
    );
  });

  test('differs when one word anywhere in it does', () => {
    fc.assert(
      fc.property(inputs, fc.string({ minLength: 1 }), (input, more) => {
        const text = asked('createBatch', input);
        const others: CallInput[] = [
          { ...input, name: `${input.name ?? ''}${more}` },
          { ...input, metadata: { ...input.metadata, [`${Object.keys(input.metadata).join()}${more}`]: '' } },
          { ...input, requests: { kind: 'lines', field: 'jsonl', text: `${text}${more}` } },
          { ...input, requests: { kind: 'list', requests: [{ body: { [text]: more } }] } },
        ];
        for (const other of others) expect(asked('createBatch', other)).not.toBe(text);
        expect(asked('addRequests', input)).not.toBe(text);
      }),
    );
  });

  test('does not depend on a field that is null instead of left out, nor on a default that is spelled out', () => {
    const sparse = createBatchInput.parse({ provider: 'openai', submit: { kind: 'WHEN', requests: 2 } });
    const full = createBatchInput.parse({
      provider: 'openai',
      name: null,
      metadata: undefined,
      submit: { kind: 'WHEN', requests: 2, bytes: null },
      requests: null,
    });
    expect(asked('createBatch', full)).toBe(asked('createBatch', sparse));
    const all = retryBatchInput.parse({ filter: { status: ['ERRORED'] } });
    const spelled = retryBatchInput.parse({
      filter: { status: ['ERRORED'], customIds: null },
      onlyRetryable: null,
    });
    expect(asked('retryBatch', spelled)).toBe(asked('retryBatch', all));
  });

  test('tells null from nothing inside a body, where it is the provider’s to say what that means', () => {
    const bodyOf = (given: JsonObject): CallInput => ({
      requests: { kind: 'list', requests: [{ body: given }] },
    });
    expect(asked('createBatch', bodyOf({ seed: null }))).not.toBe(asked('createBatch', bodyOf({})));
  });

  test('counts every character of lines, blanks too', () => {
    const linesOf = (text: string): CallInput => ({ requests: { kind: 'lines', field: 'jsonl', text } });
    expect(asked('addRequests', linesOf('{"a":1}'))).not.toBe(asked('addRequests', linesOf('{"a": 1}')));
    expect(asked('addRequests', linesOf('{"a":1}'))).not.toBe(asked('addRequests', linesOf('{"a":1}\n')));
  });
});

describe('An idempotencyKey', () => {
  test.each(['k', 'order 17, try again', 'é'.repeat(255), '🔑'.repeat(255)])('may be %j', (key) => {
    expect(idempotencyKeySchema.safeParse(key).success).toBe(true);
  });

  test.each(['', 'k'.repeat(256), '\0', '\ud800'])('may not be %j', (key) => {
    expect(idempotencyKeySchema.safeParse(key).success).toBe(false);
  });

  test('is remembered for a day', () => {
    const clock = createHandClock(new Date('2026-11-24T10:00:00Z'));
    expect(forgottenBefore(clock.now())).toEqual(new Date('2026-11-23T10:00:00Z'));
  });
});
