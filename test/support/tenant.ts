/**
 * An organization that has something behind every field, list and address of the API, and a word of its own in
 * everything that it wrote. Two of them, made alike, differ in nothing but that word, ids and times.
 */
import { sandboxKey } from '../../src/first-keys.ts';
import { openai } from '../../src/providers/openai/index.ts';
import { bodyFor, chatBody } from './documents.ts';
import { makeForeignBatch } from './foreign-batches.ts';
import { mutate } from './mutations.ts';
import type { TestService } from './service.ts';
import { putFile } from './uploads.ts';

/** What tests ask about such an organization. */
export interface Tenant {
  readonly key: string;
  /** A read token for a batch of its own, and no more: one that is not there any more, so that no list has it. */
  readonly token: string;
  /** A batch that is over after a second try, whose callback URL nobody answers at. */
  readonly done: string;
  /** An upload that is over. */
  readonly uploaded: string;
  /** A batch that was deleted. */
  readonly deleted: string;
  /** A new open batch with one request; `more` says what else there is to it. */
  open(more?: Record<string, unknown>): Promise<string>;
  /** A new batch that was cancelled. */
  cancelled(more?: Record<string, unknown>): Promise<string>;
  /** A new job of which it is not known whether it was created. */
  lostJob(): Promise<string>;
  /** The id of a new key of the organization. */
  anotherKey(): Promise<string>;
  /** The id of a new credential of the organization, which the emulator takes. */
  credential(): Promise<string>;
  /** What `adoptJob` takes for a batch that another program made. */
  adoptable(): Promise<{ readonly providerJobId: string; readonly [field: string]: unknown }>;
}

/** The settings of a service that has such organizations, of which every field is asked for at once. */
export const tenantSettings = {
  CALLBACK_ALLOW: '127.0.0.1',
  CREDENTIALS_KEY: Buffer.alloc(32, 'isolated').toString('base64'),
  QUERY_COMPLEXITY_MAX: '1000000000',
  RATE_LIMIT_PER_KEY: '1000000000',
  RATE_LIMIT_PER_ORGANIZATION: '1000000000',
};

/** Fills the organization that `key` signs in; the sandbox's where it is left out. */
export async function settle(service: TestService, word: string, key = sandboxKey): Promise<Tenant> {
  const call = (name: string, input: Record<string, unknown>, batch?: string) =>
    mutate(service, name, input, { key, ...(batch === undefined ? {} : { batch }) });
  const create = async (input: Record<string, unknown>): Promise<string> =>
    (await call('createBatch', { provider: 'openai', name: word, metadata: { word }, ...input })).batch.id;
  const request = () => ({ list: [{ body: chatBody(word) }] });
  const run = async () => {
    await service.work();
    await service.turn(30, 15);
  };
  const open = (more = {}) => create({ requests: request(), ...more });
  const cancelled = async (more = {}) => {
    const batchId = await open(more);
    await call('cancelBatch', { batchId });
    return batchId;
  };

  const anotherKey = async (): Promise<string> =>
    (await call('createApiKey', { name: word, scope: 'READ' })).apiKey.id;

  const { apiKey } = service.emulator('openai');
  const credential = async (): Promise<string> =>
    (await call('addCredential', { provider: 'openai', name: word, apiKey })).credential.id;

  await call('rotateCallbackSecret', {});
  await anotherKey();
  await credential();
  await credential();
  // What everybody's tests ask for is called `item-1`, and is tried twice; the last one brings a line that is nobody's.
  const list = [
    { customId: 'item-1', body: chatBody(word, 'emulate:errored') },
    { customId: `named by the ${word}`, body: chatBody(word) },
    { body: { ...chatBody(word, 'emulate:foreign'), model: 'another' } },
  ];
  const callbackUrl = `http://127.0.0.1:1/${word}`;
  const done = await create({ callbackUrl, requests: { list }, submit: 'NOW' });
  await run();
  await call('retryBatch', { batchId: done });
  // Letta is told where to call about each job.
  const agents = { list: [0, 1, 2].map((index) => ({ body: bodyFor('letta', word, '', index) })) };
  await create({ provider: 'letta', requests: agents, submit: 'NOW' });
  await run();
  const gone = await open();
  const { token } = await call('createReadToken', { batches: { ids: [gone] }, expiresInSeconds: 86_400 });
  await call('deleteBatch', { batchId: gone });
  const deleted = await open();
  await call('deleteBatch', { batchId: deleted });

  const { url, upload } = await call('createUpload', { batchId: await create({}) });
  await putFile(url, JSON.stringify({ body: chatBody(word) }));

  return {
    key,
    token,
    done,
    uploaded: upload.id,
    deleted,
    open,
    cancelled,
    anotherKey,
    credential,
    async lostJob() {
      // Whatever else waits is sent first, so that the faults meet this job.
      await service.work();
      const { faults } = service.emulator('openai');
      for (const operation of ['create', 'list']) faults.add({ operation, effect: { kind: 'drop' } });
      const batchId = await open();
      const { batch } = await call('submitBatch', { batchId }, 'jobs { edges { node { id } } }');
      await service.work();
      return batch.jobs.edges[0].node.id;
    },
    async adoptable() {
      const { providerJobId, jsonl } = await makeForeignBatch(service, openai, { texts: [word] });
      return { provider: 'openai', providerJobId, requests: { jsonl } };
    },
  };
}
