/** A caller that goes away in the middle is no fault of the service: nothing is logged as one, and it serves on. */
import { afterAll, beforeAll, it } from 'vitest';
import { sandboxKey } from '../../src/first-keys.ts';
import { chatBody } from '../support/documents.ts';
import { expectSound } from '../support/fuzz.ts';
import { mutate } from '../support/mutations.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { requestBytes, sendBytes } from '../support/wire.ts';

let service: TestService;
let uuid: string;
beforeAll(async () => {
  service = await startTestService();
  const input = { provider: 'openai', requests: { list: [{ body: chatBody('q') }] } };
  uuid = (await mutate(service, 'createBatch', input, { batch: 'uuid' })).batch.uuid;
});
afterAll(() => service.close());

const key = ['x-api-key', sandboxKey] as const;
const tooLong = ['content-length', '1000'] as const;
const json = ['content-type', 'application/json'] as const;

it.each<[string, () => Buffer]>([
  [
    'in the middle of a call to a callback address',
    () => requestBytes('POST', '/callbacks/openai/abc', [tooLong], '{'),
  ],
  [
    'in the middle of an operation',
    () => requestBytes('POST', '/graphql', [key, json, tooLong], '{"query":'),
  ],
  ['before the first line of a download', () => requestBytes('GET', `/batches/${uuid}/input.jsonl`, [key])],
])('%s', async (_title, request) => {
  for (let turn = 0; turn < 10; turn += 1) await sendBytes(service.url, request(), { whole: false });
  await expectSound(service);
});
