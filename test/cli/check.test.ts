import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { invariants } from '../../src/batches/check.ts';
import { createTestDatabase } from '../support/database.ts';
import { runBatchql } from '../support/processes.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { jobNow, makeBatch } from '../support/verbs.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close('broken by hand'));

/** How `batchql check` of a database ends, and its lines. */
async function check(url: string): Promise<{ code: number | null; lines: string[] }> {
  const run = runBatchql(['check'], { DATABASE_URL: url });
  const code = await run.exit;
  return { code, lines: run.output().trimEnd().split('\n') };
}

describe('batchql check', () => {
  it('prints one line with numbers for each invariant, and exits with 1 where one is broken', async () => {
    const { services, databaseUrl } = service.app;
    const { scope } = await service.addOrganization('checked');
    const batch = await makeBatch(services, scope);
    await makeBatch(services, scope, { submit: { kind: 'MANUAL' } });

    const sound = await check(databaseUrl);
    expect(sound.code).toBe(0);
    expect(sound.lines).toHaveLength(invariants.length);
    for (const [index, { name, title }] of invariants.entries()) {
      expect(sound.lines[index]).toMatch(new RegExp(`^ok +${name} +`));
      expect(sound.lines[index]).toContain(title);
      expect(sound.lines[index]).toMatch(/\(\d+ checked\)$/);
    }
    expect(sound.lines[0]).toMatch(/\(2 checked\)$/);

    await services.db.read((q) => q.execute(sql`update jobs set due_at = null`));
    const broken = await check(databaseUrl);
    expect(broken.code).toBe(1);
    expect(broken.lines.filter((line) => line.startsWith('BROKEN'))).toEqual([
      expect.stringMatching(/^BROKEN +due .* \(1 of 1 broken\)$/),
    ]);
    const job = await jobNow(services, batch.id);
    expect(broken.lines).toContain(`          ${job.id}: status CREATED, due at no time`);
  });

  it('says in one sentence that a database is not of this service, and exits with 1', async () => {
    const empty = await createTestDatabase('nothing');
    try {
      expect(await check(empty.url)).toEqual({
        code: 1,
        lines: [
          'The database cannot be checked (42P01); it must be one that this version of BatchQL has used.',
        ],
      });
    } finally {
      await empty.drop();
    }
  });
});
