/**
 * A file that is on its way in while its service is killed at one of the statements that it takes: afterwards all of its
 * requests are there or none, and the same file can be sent to the same URL.
 */
import { sql } from 'drizzle-orm';
import { afterAll, describe, expect, it } from 'vitest';
import { openai } from '../../src/providers/openai/index.ts';
import { startCrashProcess } from '../support/crash-process.ts';
import { query } from '../support/crash-story.ts';
import { type CrashableService, startCrashable } from '../support/crashable-service.ts';
import { dropDatabases } from '../support/emptied-database.ts';
import { expectInvariants } from '../support/invariants.ts';
import { countTried } from '../support/tally.ts';
import { createUploadDocument, linesFor, putFile } from '../support/uploads.ts';

afterAll(dropDatabases);

const requests = 60;
const file = linesFor('openai', requests);
const isLong = process.env['CRASH_POINTS'] === 'all';

/** A service that is killed at this point of receiving the file, or, for null, when it is in; and the upload's path. */
async function die(holdAt: number | null) {
  const process = startCrashProcess();
  try {
    const service = await startCrashable(openai, { process, holdAt });
    const { createUpload: made } = await query(service, createUploadDocument, {
      input: { batch: { provider: 'openai' } },
    });
    service.enter('receive');
    const sending = putFile(made.url, file).catch(() => null);
    await Promise.race([sending, service.held()]);
    return {
      service,
      path: new URL(made.url).pathname,
      batchId: made.batch.id as string,
      killed: process.kill(),
    };
  } catch (error) {
    await process.kill();
    throw error;
  }
}

const totalOf = async (service: CrashableService, id: string): Promise<number> =>
  (await query(service, 'query($id: ID!) { batch(id: $id) { counts { total } } }', { id })).batch.counts
    .total;

const rowsOf = async ({ db }: CrashableService): Promise<number> =>
  Number((await db.read((q) => q.execute(sql`select count(*) from items`))).rows[0]?.['count']);

/** Dies there, and holds what is left to the promise; answers at how many points it could have died. */
async function dieAt(holdAt: number | null): Promise<number> {
  const { service, path, batchId, killed } = await die(holdAt);
  try {
    await killed;
    const points = service.points().length;
    await service.restart(null);
    service.enter(null);
    const total = await totalOf(service, batchId);
    expect([0, requests], `what readers see after point ${holdAt}`).toContain(total);
    await service.work(60);
    expect(await rowsOf(service), `what is left after point ${holdAt}`).toBe(total);
    expect(await putFile(service.url() + path, file)).toMatchObject({
      status: 200,
      body: { upload: { status: 'COMPLETED', requests } },
    });
    expect([await totalOf(service, batchId), await rowsOf(service)]).toEqual([requests, requests]);
    const document =
      'query($id: ID!) { batch(id: $id) { items(first: 100) { edges { node { customId } } } } }';
    const { batch } = await query(service, document, { id: batchId });
    const ids = batch.items.edges.map(({ node }: { node: { customId: string } }) => node.customId);
    expect(ids).toEqual(Array.from({ length: requests }, (_, at) => `id-${at}`));
    await expectInvariants(service.db);
    return points;
  } finally {
    await service.close();
  }
}

describe('A file whose service is killed while it comes', () => {
  it('is in as a whole or not at all, and can be sent again', {
    timeout: isLong ? 900_000 : 300_000,
  }, async () => {
    const points = await dieAt(null);
    expect(points).toBeGreaterThan(5);
    const every = Array.from({ length: points + 1 }, (_, index) => index + 1);
    // A few all over the way, and always the last, which ends it.
    const chosen = isLong
      ? every
      : [1, Math.ceil(points / 3), Math.ceil((2 * points) / 3), points - 1, points];
    for (const point of new Set(chosen)) await dieAt(point);
    countTried('crash points', chosen.length, 'an upload');
  });
});
