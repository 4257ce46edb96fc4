/** The vendor's own SDK, unchanged, against the emulator: what it needs is there, in the form that it expects. */
import { createReadStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Sync, SyncClient, SyncError } from '@sync.so/sdk';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createHandClock, type HandClock } from '../../src/clock.ts';
import type { Emulator } from '../../src/providers/emulation.ts';
import { sync } from '../../src/providers/sync/index.ts';

let clock: HandClock;
let emulator: Emulator;
let sdk: SyncClient;
beforeEach(async () => {
  clock = createHandClock(new Date('2026-11-22T10:00:00Z'));
  emulator = await sync.emulate({ clock });
  sdk = clientOf(emulator);
});
afterEach(() => emulator.close());

const clientOf = ({ baseUrl, apiKey }: Pick<Emulator, 'baseUrl' | 'apiKey'>) =>
  new SyncClient({ baseUrl, apiKey });

const once = { maxRetries: 0 };

const fileOf = (count: number): File => {
  const lines = Array.from({ length: count }, (_, n) => {
    const input = [
      { type: 'video', url: 'https://assets.sync.so/docs/example-video.mp4' },
      { type: 'audio', url: `https://assets.sync.so/docs/é-${n}.wav` },
    ];
    return `${JSON.stringify({ request_id: `r${n}`, endpoint: '/v2/generate', payload: { model: 'lipsync-2', input } })}\n`;
  });
  return new File(lines, 'input.jsonl');
};

/** A batch, as the creation answered it. */
const create = async (request: Sync.CreateBatchRequest = {}, count = 20): Promise<Sync.BatchResponse> => {
  const answer = await sdk.batch.create(fileOf(count), request, once);
  if ('id' in answer) return answer;
  throw new Error(`it is ${answer.status}`);
};

describe('the SDK', () => {
  test('creates a batch of a file, whose every member is there', async () => {
    const batch = await create({ webhook_url: 'https://x.example/hook' });
    expect(batch).toEqual({
      id: expect.stringMatching(/^batch_/),
      created_at: '2026-11-22T10:00:00.000Z',
      status: Sync.BatchStatus.Pending,
      metrics: { total_generations: 20, success_count: 0, failed_count: 0, pending_count: 0 },
      webhookUrl: 'https://x.example/hook',
      outputUrl: '',
    });
    const [kept] = await emulator.batches();
    expect(kept).toMatchObject({ id: batch.id, requestCount: 20 });
    expect(kept?.keys).toEqual(Array.from({ length: 20 }, (_, n) => `r${n}`));
  });

  test('creates a batch of a file that it reads from the disk', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'batchql-sync-'));
    try {
      const path = join(directory, 'input.jsonl');
      await writeFile(path, await fileOf(20).text());
      await sdk.batch.create(createReadStream(path), { dry_run: false }, once);
      expect((await emulator.batches()).map(({ requestCount }) => requestCount)).toEqual([20]);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  test('has a file validated by a dry run, which creates nothing', async () => {
    expect(await sdk.batch.create(fileOf(20), { dry_run: true }, once)).toEqual({ status: 'VALIDATED' });
    await expect(sdk.batch.create(fileOf(19), { dry_run: true }, once)).rejects.toThrow(Sync.BadRequestError);
    expect(emulator.calls.map(({ operation }) => operation)).toEqual(['validate', 'validate']);
    expect(await emulator.batches()).toEqual([]);
  });

  test('sees the counts move from status to status, and the results where they are at the end', async () => {
    const { id } = await create();
    const seen: unknown[] = [];
    for (const seconds of [1, 10, 20, 0]) {
      const { status, metrics } = await sdk.batch.get(id);
      seen.push([status, metrics.success_count, metrics.pending_count]);
      clock.advance({ seconds });
    }
    expect(seen).toEqual([
      [Sync.BatchStatus.Pending, 0, 0],
      [Sync.BatchStatus.JobsCreated, 0, 20],
      [Sync.BatchStatus.Processing, 10, 10],
      [Sync.BatchStatus.Completed, 20, 0],
    ]);
    const { outputUrl } = await sdk.batch.get(id);
    const answer = await fetch(outputUrl, {
      headers: { 'x-api-key': emulator.apiKey },
      redirect: 'manual',
    });
    const lines = await (await fetch(answer.headers.get('location') ?? '')).text();
    expect(lines.trim().split('\n')).toHaveLength(20);
  });

  test('lists the newest batches first, by time and by status', async () => {
    const { id: first } = await create();
    clock.advance({ hours: 1 });
    const { id: second } = await create();
    const ids = async (request?: Sync.ListBatchesRequest) =>
      (await sdk.batch.list(request)).map(({ id }) => id);
    expect(await ids()).toEqual([second, first]);
    expect(await ids({ created_after: '2026-11-22T10:30:00Z' })).toEqual([second]);
    expect(await ids({ created_before: '2026-11-22T10:30:00Z' })).toEqual([first]);
    expect(await ids({ status: Sync.BatchStatus.Completed })).toEqual([first]);
  });

  test('reads a refusal as its own class, with the sentence of the vendor', async () => {
    const failure = await sdk.batch.create(fileOf(501), {}, once).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Sync.BadRequestError);
    expect(failure).toMatchObject({
      statusCode: 400,
      body: { statusCode: 400, message: expect.stringContaining('at most 500') },
    });
    await expect(sdk.batch.get('batch_unknown', once)).rejects.toThrow(Sync.NotFoundError);
    const stranger = clientOf({ ...emulator.stranger });
    await expect(stranger.batch.list({}, once)).rejects.toThrow(Sync.UnauthorizedError);
  });

  test.each([
    ['a plan without batches', { plan: 'creator' }, 0, Sync.PaymentRequiredError],
    ['one batch too many at once', { batchesAtOnce: '1' }, 1, Sync.TooManyRequestsError],
    ['a file that is too large', { tooLargeStatus: '413' }, 0, SyncError],
  ] as const)('is refused %s', async (_name, switches, before, refusal) => {
    const strict = await sync.emulate({ clock, switches });
    try {
      const { batch } = clientOf(strict);
      for (let n = 0; n < before; n += 1) await batch.create(fileOf(20), {}, once);
      const blanks = 'tooLargeStatus' in switches ? '\n'.repeat(5_000_000) : '';
      const file = new File([await fileOf(20).text(), blanks], 'input.jsonl');
      await expect(batch.create(file, {}, once)).rejects.toThrow(refusal);
      expect(await strict.batches()).toHaveLength(before);
    } finally {
      await strict.close();
    }
  });

  test('loses the answer to a creation whose connection breaks, and does not send it again', async () => {
    emulator.faults.add({ operation: 'create', effect: { kind: 'accept-and-drop' } });
    await expect(sdk.batch.create(fileOf(20), {})).rejects.toThrow(SyncError);
    expect(await emulator.batches()).toHaveLength(1);
  });
});
