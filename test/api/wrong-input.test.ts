/** A field of a new batch that cannot be is told as a typed member, in full: which field, what is wrong, which limit. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openai } from '../../src/providers/openai/index.ts';
import { providers } from '../../src/providers/registry.ts';
import { mutate, mutationDocument } from '../support/mutations.ts';
import { validationError } from '../support/refusals.ts';
import { startTestService, type TestService } from '../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());

type Input = Record<string, unknown>;
type Path = readonly string[];

const endpoints = openai.endpoints.join(', ');

const refused: ReadonlyArray<readonly [title: string, input: Input, path: Path, message: string]> = [
  [
    'an unknown provider',
    { provider: 'nobody' },
    ['input', 'provider'],
    `There is no provider with this name; known are ${providers.map(({ name }) => name).join(', ')}.`,
  ],
  [
    'an unknown endpoint',
    { endpoint: '/v1/nothing' },
    ['input', 'endpoint'],
    `endpoint must be one of ${endpoints} for this provider.`,
  ],
  [
    'an unknown completion window',
    { completionWindow: '1h' },
    ['input', 'completionWindow'],
    'completionWindow must be one of 24h for this provider.',
  ],
  ['an empty name', { name: '' }, ['input', 'name'], 'name must be 1 to 512 characters long.'],
  [
    'metadata that is a list',
    { metadata: ['a'] },
    ['input', 'metadata'],
    'metadata must be an object whose values are strings.',
  ],
  [
    'metadata with a number in it',
    { metadata: { fine: 'yes', cost: 1 } },
    ['input', 'metadata', 'cost'],
    'A metadata value must be a string.',
  ],
  [
    'metadata with a long key',
    { metadata: { ['k'.repeat(65)]: 'v' } },
    ['input', 'metadata', 'k'.repeat(65)],
    'A metadata key must be 1 to 64 characters long.',
  ],
  [
    'metadata of 65 pairs',
    { metadata: Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`key-${index}`, 'v'])) },
    ['input', 'metadata'],
    'metadata may have at most 64 pairs.',
  ],
  [
    'submit: WHEN without thresholds',
    { submit: 'WHEN', when: {} },
    ['input', 'when'],
    'WHEN needs at least one of requests, bytes and seconds.',
  ],
  [
    'submit: WHEN alone',
    { submit: 'WHEN' },
    ['input', 'when'],
    'WHEN needs at least one of requests, bytes and seconds.',
  ],
  [
    'a threshold of zero',
    { when: { seconds: 0 } },
    ['input', 'when', 'seconds'],
    'seconds must be a whole number from 1 to 31536000.',
  ],
  [
    'thresholds with submit: MANUAL',
    { submit: 'MANUAL', when: { requests: 2 } },
    ['input', 'when'],
    'when goes with submit: WHEN only.',
  ],
  [
    'thresholds with submit: NOW',
    { submit: 'NOW', when: { requests: 2 } },
    ['input', 'when'],
    'when goes with submit: WHEN only.',
  ],
];

describe('createBatch', () => {
  it.each(refused)(
    'refuses %s, naming the field, and makes no batch',
    async (_title, input, path, message) => {
      const answer = await mutate(service, 'createBatch', { provider: 'openai', ...input });
      expect(answer).toEqual(validationError(path, message));
      const { data } = await service.query('{ batches(first: 0) { totalCount } }');
      expect(data.batches.totalCount).toBe(0);
    },
  );

  it('refuses an unknown word of an enum as bad input at the top of the answer', async () => {
    const { data, errors } = await service.query(mutationDocument('createBatch'), {
      input: { provider: 'openai', submit: 'SOON' },
    });
    expect(data ?? null).toBeNull();
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
  });
});
