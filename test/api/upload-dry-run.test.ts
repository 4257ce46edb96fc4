/** A file that is only to be checked: the answer is that of a dry run, and nothing is kept of it. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestService, type TestService } from '../support/service.ts';
import { createUpload, linesFor, putFile } from '../support/uploads.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());

const report = `accepted requestCount bytes issueCount issues { path line message } jobCount
  jobs { requestCount } cost { low high } tokens { inputLow inputHigh } quotasExceeded { which }`;

async function check(file: string) {
  const { url, upload } = await createUpload(service, { dryRun: true, batch: { provider: 'openai' } });
  const answer = await putFile(url, file);
  const { data } = await service.query(
    `query($id: ID!) { node(id: $id) { ... on Upload { status isDryRun batch { id } dryRun { ${report} } } } batches { totalCount } }`,
    { id: upload.id },
  );
  expect(data.batches.totalCount).toBe(0);
  return { answer, upload: data.node };
}

it('a good file that is checked is told in jobs, tokens and cost as the same requests inline are, and is not kept', async () => {
  const file = linesFor('openai', 300);
  const { data } = await service.query(
    `mutation($input: CreateBatchInput!) { createBatch(input: $input) { ... on DryRunPayload { ${report} } ... on Error { message } } }`,
    { input: { provider: 'openai', dryRun: true, requests: { jsonl: file } } },
  );
  expect(data.createBatch).toMatchObject({ accepted: true, requestCount: 300, jobCount: 1 });

  const { upload } = await check(file);

  expect(upload).toEqual({ status: 'COMPLETED', isDryRun: true, batch: null, dryRun: data.createBatch });
});

it('a file with bad lines and doubled names that is checked has them told by their numbers, and is not kept', async () => {
  const [line = ''] = linesFor('openai', 1).split('\n');
  const { upload } = await check([line, '{"customId": 1', line, ''].join('\n'));

  expect(upload.dryRun).toMatchObject({ accepted: false });
  expect(upload.dryRun.issues.map(({ line }: { line: number }) => line)).toEqual(
    expect.arrayContaining([2, 3]),
  );
});
