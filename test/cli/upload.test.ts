/** `batchql upload` as a process of its own, against a service over a real socket. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { sandboxKey } from '../../src/first-keys.ts';
import { createBatchDocument } from '../support/documents.ts';
import { runBatchql } from '../support/processes.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { linesFor } from '../support/uploads.ts';

let service: TestService;
let directory: string;
beforeAll(async () => {
  service = await startTestService();
  directory = await mkdtemp(join(tmpdir(), 'batchql-upload-'));
});
afterAll(async () => {
  await service.close();
  await rm(directory, { recursive: true, force: true });
});

async function fileWith(content: string | Buffer, name = 'requests.jsonl'): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, content);
  return path;
}

/** Runs the command; what it printed, and how it ended. */
async function upload(args: readonly string[], { key = sandboxKey, input = '' } = {}) {
  const environment: Record<string, string> = key === '' ? {} : { BATCHQL_API_KEY: key };
  const { exit, output } = runBatchql(['upload', '--url', service.url, ...args], environment, [], input);
  const code = await exit;
  return { code, output: output() };
}

const uuid = /^[0-9a-f]{8}-[0-9a-f-]{27}$/m;
const newBatch = ['--provider', 'openai'];

async function batchIn(output: string) {
  const [id] = uuid.exec(output) ?? [];
  const { data } = await service.query(
    'query($id: ID!) { batch(id: $id) { uuid name status model counts { total } upload { status bytes } } }',
    { id },
  );
  return data.batch;
}

async function batchesThere(): Promise<number> {
  return (await service.query('{ batches { totalCount } }')).data.batches.totalCount;
}

describe('batchql upload', () => {
  it('sends a file into a new batch, and prints the UUID of the batch', async () => {
    const path = await fileWith(linesFor('openai', 25));
    const { code, output } = await upload([path, ...newBatch, '--name', 'nightly', '--model', 'gpt-5']);
    expect(code).toBe(0);
    expect(output).toContain(`25 requests of ${path} are in the batch.`);
    expect(await batchIn(output)).toMatchObject({
      name: 'nightly',
      model: 'gpt-5',
      status: 'ACCUMULATING',
      counts: { total: 25 },
    });
  });

  it('sends gzip as it is, whatever its name, and what comes by standard input', async () => {
    const zipped = gzipSync(linesFor('openai', 4));
    const fromDisk = await upload([await fileWith(zipped, 'requests.bin'), ...newBatch]);
    expect(await batchIn(fromDisk.output)).toMatchObject({
      counts: { total: 4 },
      upload: { bytes: zipped.length },
    });
    const fromInput = await upload(['-', ...newBatch], { input: linesFor('openai', 3) });
    expect(fromInput.output).toContain('3 requests of standard input are in the batch.');
    expect(await batchIn(fromInput.output)).toMatchObject({ counts: { total: 3 } });
  });

  it('sends a file into an open batch, which --submit closes', async () => {
    const { data } = await service.query(createBatchDocument, { input: { provider: 'openai' } });
    const { id } = data.createBatch.batch;
    const path = await fileWith(linesFor('openai', 2));
    const { code, output } = await upload([path, '--batch', id, '--submit']);
    expect(code).toBe(0);
    expect(await batchIn(output)).toMatchObject({ counts: { total: 2 }, status: 'SUBMITTED' });
    expect(await upload([path, '--batch', id])).toMatchObject({ code: 1 });
  });

  it('is done once under one idempotency key', async () => {
    const path = await fileWith(linesFor('openai', 2));
    const args = [path, ...newBatch, '--idempotency-key', 'monday'];
    const [first, again] = [await upload(args), await upload(args)];
    expect(again).toEqual(first);
    expect(await batchIn(again.output)).toMatchObject({ counts: { total: 2 } });
  });
});

describe('batchql upload leaves no batch behind', () => {
  let before: number;
  beforeAll(async () => {
    before = await batchesThere();
  });
  afterEach(async () => expect(await batchesThere()).toBe(before));

  it('of a file with bad lines, and tells the first of them by number', async () => {
    const bad = Array.from({ length: 30 }, () => 'no json\n').join('');
    const { code, output } = await upload([await fileWith(linesFor('openai', 2) + bad), ...newBatch]);
    expect(code).toBe(1);
    expect(output).toMatch(/\n {2}Line 3 /);
    expect(output).toMatch(/\n {2}Line 22 [^\n]*\n {2}… and 10 more\n/);
    expect(output).not.toMatch(uuid);
  });

  it('of a file that is only checked, and tells what it comes to', async () => {
    const path = await fileWith(linesFor('openai', 5));
    const good = await upload([path, ...newBatch, '--dry-run']);
    expect(good).toMatchObject({
      code: 0,
      output: expect.stringMatching(/can be taken: 1 job, .* Nothing was made\./),
    });
    const bad = await upload([await fileWith('{}\n'), ...newBatch, '--dry-run']);
    expect(bad).toMatchObject({ code: 1, output: expect.stringMatching(/Line 1 /) });
  });

  it.each<[string, string[], object, RegExp]>([
    ['without a key', ['FILE', ...newBatch], { key: '' }, /BATCHQL_API_KEY must be set/],
    ['with a wrong key', ['FILE', ...newBatch], { key: 'bq_not_a_key_0000' }, /does not know the key/],
    [
      'to nobody',
      ['FILE', '--url', 'http://127.0.0.1:2', ...newBatch],
      {},
      /cannot be reached \(ECONNREFUSED\)/,
    ],
    [
      'to a provider that there is not',
      ['FILE', '--provider', 'nobody'],
      {},
      /^There is no provider with this name; .*\n$/,
    ],
    ['to an unknown batch', ['FILE', '--batch', '01994b0c-7a3e-7d4c-9d55-0a4f6f3f9d21'], {}, /no batch/i],
    ['to nowhere', ['FILE'], {}, /Say where it goes/],
    ['to two places', ['FILE', '--batch', 'x', ...newBatch], {}, /has its provider/],
    ['that is missing', ['/nowhere/file', ...newBatch], {}, /cannot be read: there is none/],
    ['that is a directory', [tmpdir(), ...newBatch], {}, /is a directory/],
    ['that is empty', ['-', ...newBatch], {}, /Standard input is empty/],
  ])('of a file %s, and says so without a stack', async (_what, args, options, message) => {
    const path = await fileWith(linesFor('openai', 1));
    const { code, output } = await upload(
      args.map((arg) => (arg === 'FILE' ? path : arg)),
      options,
    );
    expect(code).toBe(1);
    expect(output).toMatch(message);
    expect(output).not.toMatch(/\n {4}at |bq_/);
  });

  it('of a file that is interrupted in the middle', async () => {
    const bin = fileURLToPath(new URL('../../bin/batchql.js', import.meta.url));
    const child = spawn(process.execPath, [bin, 'upload', '-', '--url', service.url, ...newBatch], {
      env: { PATH: process.env['PATH'], BATCHQL_API_KEY: sandboxKey },
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    let told = '';
    child.stderr.on('data', (text) => {
      told += text;
    });
    const code = new Promise((resolve) => child.once('close', resolve));
    child.stdin.write(linesFor('openai', 1000));
    // Its id is nobody's to know before.
    for (let isComing = false; !isComing; ) {
      const { data } = await service.query('{ batches { edges { node { upload { status } } } } }');
      const nodes = data.batches.edges.map(({ node }: { node: { upload: unknown } }) => node);
      isComing = JSON.stringify(nodes).includes('"RECEIVING"');
    }
    child.kill('SIGINT');
    expect(await code).toBe(1);
    expect(told).toContain('Interrupted: nothing of standard input is taken.');
  });
});
