/**
 * Results of a size that would not fit: copied by a process of its own, whose memory is looked at while it reads.
 * The files are made while they are read, so that nobody ever holds them.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { itemKey } from '../../src/domain/ids.ts';
import type { OrganizationScope } from '../../src/domain/scope.ts';
import { openProviderAccess } from '../../src/providers/access.ts';
import { openai } from '../../src/providers/openai/index.ts';
import type { Services } from '../../src/services.ts';
import { type AlteredProvider, type AlteredResults, alterResults } from '../support/altered-results.ts';
import { type RunningProcess, runBatchql } from '../support/processes.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { batchNow, itemsNow, jobNow, makeBatch, workNext } from '../support/verbs.ts';

let service: TestService;
let scope: OrganizationScope;
let altered: AlteredProvider;
let services: Services;
let answer: () => AlteredResults;
let running: RunningProcess | null = null;
beforeAll(async () => {
  service = await startTestService({ SANDBOX_SECONDS: '1' });
  ({ scope } = await service.addOrganization('large'));
  altered = await alterResults(service.emulator('openai'), () => answer());
  services = {
    ...service.app.services,
    providers: openProviderAccess(
      new Map([[openai, { mode: 'LIVE', connection: altered }]]),
      service.app.services,
    ),
  };
});
afterAll(async () => {
  running?.child.kill('SIGTERM');
  await running?.exit;
  await altered.close();
  await service.close();
});

/** A batch whose job is over at its provider and whose results nobody has read. */
async function readyToCollect(requests: number): Promise<{ id: string; nonce: string }> {
  const texts = Array.from({ length: requests }, (_, index) => `request ${index}`);
  const { id } = await makeBatch(services, scope, { texts });
  while ((await jobNow(services, id)).status !== 'COMPLETED') await workNext(services, service.clock, id);
  return { id, nonce: (await jobNow(services, id)).nonce };
}

/** The whole line of an item, in which the model wrote `text`. */
const lineOf = (nonce: string, position: number, text: string): Buffer =>
  Buffer.from(
    `{"id":"batch_req_${position}","custom_id":"${itemKey(nonce, position)}","response":{"status_code":200,"request_id":"r","body":{"id":"c","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"${text}"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}},"error":null}\n`,
  );

/** Megabytes that a process has in memory now. */
async function megabytesOf(pid: number): Promise<number> {
  const { stdout } = await promisify(execFile)('ps', ['-o', 'rss=', '-p', String(pid)]);
  return Number(stdout) / 1024;
}

/** Lets another process collect what is due, until the batch has ended; answers its growth in megabytes. */
async function collectElsewhere(
  id: string,
  lines: (look: () => Promise<void>) => AsyncIterable<Uint8Array>,
): Promise<number> {
  let rest = 0;
  let most = 0;
  const look = async () => {
    const now = await megabytesOf(running?.child.pid ?? 0);
    if (rest === 0) rest = now;
    most = Math.max(most, now);
  };
  answer = () => ({ body: lines(look) });
  const ended = service.app.services.hub.follow({ batchId: id });
  // Its clock is a real one.
  await services.db.read((q) => q.execute(sql`update jobs set due_at = now() where batch_id = ${id}`));
  running ??= runBatchql(['start'], {
    DATABASE_URL: service.app.databaseUrl,
    OPENAI_API_KEY: altered.apiKey,
    OPENAI_BASE_URL: altered.baseUrl,
    PORT: '0',
  });
  while ((await batchNow(services, id)).completedAt === null) await ended.next();
  ended.close();
  await look();
  return most - rest;
}

describe('Results that are compressed and torn', () => {
  it('are a failure that is told and tried again; whole lines that came are kept', async () => {
    const { id, nonce } = await readyToCollect(40);
    const plain = Buffer.concat(
      Array.from({ length: 40 }, (_, at) => lineOf(nonce, at, randomBytes(900).toString('base64'))),
    );
    const packed = gzipSync(plain);
    const gzip = { 'content-encoding': 'gzip' };
    answer = () => ({ headers: gzip, body: [packed.subarray(0, Math.floor(packed.length * 0.8))] });
    await workNext(services, service.clock, id);
    const torn = await jobNow(services, id);
    const { succeeded } = await batchNow(services, id);
    expect(torn).toMatchObject({ status: 'COMPLETED', collected: false, failures: 1 });
    expect(torn.errorCode).toMatch(/^[a-z_0-9]+$/);
    expect(succeeded).toBeGreaterThanOrEqual(10);
    expect(succeeded).toBeLessThan(40);
    answer = () => ({ headers: gzip, body: [packed] });
    while (await workNext(services, service.clock, id));
    expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED', succeeded: 40 });
  });
});

describe('Results of 200 MB', () => {
  it('are copied in the memory of a few chunks, each to its request', { timeout: 300_000 }, async () => {
    const requests = 10_000;
    const { id, nonce } = await readyToCollect(requests);
    // Not to be compressed, and without anything to escape.
    const filler = randomBytes(30_000).toString('base64');
    let bytes = 0;
    const startedAt = performance.now();
    const growth = await collectElsewhere(id, async function* lines(look) {
      for (let position = 0; position < requests; position += 1) {
        if (position % 250 === 0) await look();
        const line = lineOf(nonce, position, `${position} ${filler.slice(position, position + 20_000)}`);
        bytes += line.length;
        yield line;
      }
    });
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    console.log(
      `${Math.round(bytes / 1e6)} MB in ${seconds} s; the process grew by ${Math.round(growth)} MB`,
    );
    expect(bytes).toBeGreaterThan(200_000_000);
    expect(growth).toBeLessThan(200);
    expect(await batchNow(services, id)).toMatchObject({
      status: 'COMPLETED',
      succeeded: requests,
      inputTokens: requests,
      outputTokens: 2 * requests,
    });
    const { rows } = await services.db.read((q) =>
      q.execute(sql`select count(*)::int as wrong from results r where batch_id = ${id}
        and position(format('"content":"%s ', r.position) in response) = 0`),
    );
    expect(rows).toEqual([{ wrong: 0 }]);
  });
});

describe('One line of 100 MB', () => {
  it('is one result among others, kept whole; the process lives', { timeout: 300_000 }, async () => {
    const { id, nonce } = await readyToCollect(3);
    const piece = Buffer.from('x'.repeat(1_000_000));
    const growth = await collectElsewhere(id, async function* lines(look) {
      await look();
      yield lineOf(nonce, 0, 'before');
      const [head = '', tail = ''] = lineOf(nonce, 1, '|').toString().split('|');
      yield Buffer.from(head);
      for (let megabytes = 0; megabytes < 100; megabytes += 1) yield piece;
      yield Buffer.from(tail);
      yield lineOf(nonce, 2, 'after');
    });
    console.log(`a line of 100 MB: the process grew by ${Math.round(growth)} MB`);
    expect((await itemsNow(services, id)).map(({ status }) => status)).toEqual(Array(3).fill('SUCCEEDED'));
    const { rows } = await services.db.read((q) =>
      q.execute(sql`select octet_length(response) > 100000000 as long from results
        where batch_id = ${id} order by position`),
    );
    expect(rows.map(({ long }) => long)).toEqual([false, true, false]);
    expect(running?.child.exitCode).toBeNull();
  });
});
