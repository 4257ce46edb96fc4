/** Callback URLs through the API: what is taken, changed and shown, who may see the secret, and what is refused how. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { expectInvariants } from '../support/invariants.ts';
import { addKey, organizationOf } from '../support/keys.ts';
import { mutate, mutationDocument } from '../support/mutations.ts';
import { expectPagesOfEverySize, type FetchPage, pageSelection } from '../support/pages.ts';
import { argumentError, validationError } from '../support/refusals.ts';
import { startTestService, type TestService } from '../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService({ CALLBACK_ALLOW: '127.0.0.1,hooks.internal' });
});
afterEach(() => expectInvariants(service.app.services.db));
afterAll(() => service.close());

/** Nobody listens there. */
const callbackUrl = 'http://127.0.0.1:1/nobody';
const create = async (input: Record<string, unknown> = { callbackUrl }): Promise<string> =>
  (await mutate(service, 'createBatch', { provider: 'openai', ...input })).batch.id;
const urlOf = async (id: string): Promise<string | null> => {
  const { data } = await service.query('query($id: ID!) { batch(id: $id) { callback { url } } }', { id });
  return data.batch.callback?.url ?? null;
};
const endedBatch = async (): Promise<string> => {
  const id = await create();
  await mutate(service, 'cancelBatch', { batchId: id });
  return id;
};

const refusals = [
  ['no URL', 'hooks', 'must be an absolute URL that begins with https.'],
  [
    'a private address',
    'https://10.0.0.1/',
    'must lead to a public address; others are allowed by the setting CALLBACK_ALLOW.',
  ],
  [
    'plain http',
    'http://93.184.216.34/',
    'must begin with https; http is taken only for what the setting CALLBACK_ALLOW allows.',
  ],
  ['a password', 'https://a:b@example.com/', 'must carry no user and no password.'],
] as const;

describe('createBatch', () => {
  it.each(refusals)('refuses %s as callbackUrl, naming the field', async (_title, url, message) => {
    expect(await mutate(service, 'createBatch', { provider: 'openai', callbackUrl: url })).toEqual(
      validationError(['input', 'callbackUrl'], `callbackUrl ${message}`),
    );
  });

  it.each([
    ['https://example.com/hook?token=1', 'https://example.com/hook?token=1'],
    ['HTTPS://Example.com:443', 'https://example.com/'],
    ['http://hooks.internal/', 'http://hooks.internal/'],
  ])('takes %s, and shows it in its canonical form', async (url, shown) => {
    expect(await urlOf(await create({ callbackUrl: url }))).toBe(shown);
  });

  it.each([{}, { callbackUrl: null }])('without one (%j) makes a batch that tells nobody', async (input) => {
    expect(await urlOf(await create(input))).toBeNull();
  });
});

describe('updateBatch', () => {
  it('sets, changes and clears the URL of a batch that has not ended, and leaves it where it is left out', async () => {
    const id = await create({});
    const steps = [
      [{ callbackUrl: 'https://example.com/one' }, 'https://example.com/one'],
      [{ callbackUrl: 'https://example.com/two' }, 'https://example.com/two'],
      [{ name: 'renamed' }, 'https://example.com/two'],
      [{ callbackUrl: null }, null],
    ] as const;
    for (const [input, expected] of steps) {
      const answer = await mutate(service, 'updateBatch', { batchId: id, ...input });
      expect(answer.__typename).toBe('UpdateBatchPayload');
      expect(await urlOf(id)).toBe(expected);
    }
  });

  it.each(refusals)('refuses %s, naming the field', async (_title, url, message) => {
    expect(await mutate(service, 'updateBatch', { batchId: await create(), callbackUrl: url })).toEqual(
      validationError(['input', 'callbackUrl'], `callbackUrl ${message}`),
    );
  });

  it('refuses another URL once the batch has ended, and changes nothing then; the same one is no change', async () => {
    const id = await endedBatch();
    for (const changed of ['https://example.com/', null]) {
      const answer = await mutate(service, 'updateBatch', {
        batchId: id,
        name: 'renamed',
        callbackUrl: changed,
      });
      expect(answer).toEqual({
        __typename: 'BatchStateError',
        code: 'WRONG_BATCH_STATE',
        message: 'The batch has ended, and its callbackUrl with it; it can be changed before the end.',
        status: 'CANCELLED',
      });
    }
    const kept = await mutate(service, 'updateBatch', { batchId: id, callbackUrl }, { batch: 'name' });
    expect(kept).toEqual({ __typename: 'UpdateBatchPayload', batch: { name: null } });
    expect((await mutate(service, 'updateBatch', { batchId: id, name: 'renamed' })).__typename).toBe(
      'UpdateBatchPayload',
    );
  });
});

describe('redeliverCallback', () => {
  it('is refused where nobody is to be told, and before there is something to tell', async () => {
    const silent = await create({});
    await mutate(service, 'cancelBatch', { batchId: silent });
    expect(await mutate(service, 'redeliverCallback', { batchId: silent })).toEqual({
      __typename: 'NoCallbackError',
      code: 'NO_CALLBACK',
      message: 'The batch has no callbackUrl, so nobody is told of its end.',
    });
    expect(await mutate(service, 'redeliverCallback', { batchId: await create() })).toEqual({
      __typename: 'BatchStateError',
      code: 'WRONG_BATCH_STATE',
      message: 'The batch has not ended yet; its callback is called when it does.',
      status: 'ACCUMULATING',
    });
    expect(await mutate(service, 'redeliverCallback', { batchId: 'nothing' })).toMatchObject({
      __typename: 'ValidationError',
      issues: [{ path: ['input', 'batchId'] }],
    });
  });
});

describe('The attempts', () => {
  it('are a list in the order in which they were made, in pages of every size', async () => {
    const id = await endedBatch();
    for (let count = 0; count < 4; count += 1) {
      await service.work();
      await mutate(service, 'redeliverCallback', { batchId: id });
      service.clock.advance({ seconds: 1 });
    }
    await service.work();
    const fetchPage: FetchPage = async (page) => {
      const { data } = await service.query(
        `query($id: ID!, $first: Int, $after: String, $last: Int, $before: String) { batch(id: $id) { callback {
          attempts(first: $first, after: $after, last: $last, before: $before) {
            ${pageSelection('number startedAt error')} } } } }`,
        { id, ...page },
      );
      return data.batch.callback.attempts;
    };
    const whole = (await fetchPage({ first: 100 })).edges.map(({ node }) => node);
    expect(whole.map((node) => node['number'])).toEqual([1, 2, 3, 4, 5]);
    expect(whole[0]?.['error']).toBe('The connection failed (ECONNREFUSED).');
    await expectPagesOfEverySize(fetchPage, whole);
  });

  it('have cursors of their own', async () => {
    const id = await create();
    const { errors } = await service.query(
      'query($id: ID!) { batch(id: $id) { callback { attempts(after: "nonsense") { totalCount } } } }',
      { id },
    );
    expect(errors).toEqual(
      argumentError('after', '"after" is not a cursor of this list.', ['batch', 'callback', 'attempts']),
    );
  });
});

describe('The secret', () => {
  const document = '{ viewer { callbackSecret { secret createdAt previousExpiresAt } } }';

  it('is shown to admins alone, and made by them alone', async () => {
    const organization = await organizationOf(service);
    for (const scope of ['read', 'write']) {
      const key = await addKey(service, organization, { scope });
      const { data, errors } = await service.query(document, {}, key);
      expect(data).toEqual({ viewer: { callbackSecret: null } });
      expect(errors).toMatchObject([
        {
          message: 'This needs a key with the scope "admin".',
          path: ['viewer', 'callbackSecret'],
          extensions: { code: 'FORBIDDEN' },
        },
      ]);
    }
    const key = await addKey(service, organization, { scope: 'write' });
    const refused = await service.query(mutationDocument('rotateCallbackSecret'), { input: {} }, key);
    expect(refused.errors).toMatchObject([
      { message: 'This needs a key with the scope "admin".', extensions: { code: 'FORBIDDEN' } },
    ]);
  });

  it('is what a rotation answered, until the next one', async () => {
    const { key } = await service.addOrganization('rotating');
    expect((await service.query(document, {}, key)).data.viewer.callbackSecret).toBeNull();
    for (const [input, grace] of [
      [{}, null],
      [{}, 24],
      [{ graceHours: 2 }, 2],
      [{ graceHours: 0 }, null],
    ] as const) {
      const { callbackSecret } = await mutate(service, 'rotateCallbackSecret', input, { key });
      expect((await service.query(document, {}, key)).data.viewer.callbackSecret).toEqual(callbackSecret);
      const until =
        grace === null ? null : new Date(service.clock.now().getTime() + grace * 3_600_000).toISOString();
      expect(callbackSecret.previousExpiresAt).toBe(until);
    }
  });

  it.each([-1, 169])('has no grace of %i hours', async (graceHours) => {
    expect(await mutate(service, 'rotateCallbackSecret', { graceHours })).toEqual(
      validationError(['input', 'graceHours'], 'graceHours must be a whole number from 0 to 168.'),
    );
  });
});
