/**
 * Cancelling against the clock: a hundred batches, each cancelled at a moment that its seed chooses, over another
 * connection than the workers', while these send, poll and collect. What the provider did is the measure.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cancelBatch } from '../../src/batches/cancel.ts';
import type { Database } from '../../src/db/client.ts';
import type { OrganizationScope } from '../../src/domain/scope.ts';
import type { Services } from '../../src/services.ts';
import { workOnce } from '../../src/worker/worker.ts';
import { expectInvariants } from '../support/invariants.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { anotherProcess, batchNow, jobNow, makeBatch } from '../support/verbs.ts';

let service: TestService;
let services: Services;
let scope: OrganizationScope;
let other: { services: Services; db: Database };
beforeAll(async () => {
  service = await startTestService({ SANDBOX_SECONDS: '4' });
  services = service.app.services;
  other = anotherProcess(service);
  ({ scope } = await service.addOrganization('racing'));
});
afterAll(async () => {
  await other.db.close();
  await service.close();
});

/** One batch's course: how many requests it has, and in which round it is cancelled, after how many turns of the loop. */
interface Course {
  readonly requests: number;
  readonly round: number;
  readonly delay: number;
}

/** Rounds of work: sending, three polls while it runs, its end, and what is left then. */
const rounds = [0, 1.5, 1.5, 1.5, 3, 5, 5];

/** Small numbers that follow from a seed (a linear congruential generator). */
function courseOf(seed: number): Course {
  let state = seed * 2_654_435_761;
  const below = (limit: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
  return { requests: 1 + below(8), round: below(rounds.length), delay: below(60) };
}

/** Lets the workers come that far before the cancellation is sent. */
async function passTurns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** What the provider counts for each of its batches. */
async function countsAtProvider(): Promise<Map<string, { succeeded: number; canceled: number }>> {
  const { baseUrl, apiKey } = service.emulator('anthropic');
  const response = await fetch(`${baseUrl}/v1/messages/batches?limit=100`, {
    headers: { authorization: `Bearer ${apiKey}` },
  });
  const { data } = (await response.json()) as {
    data: { id: string; request_counts: { succeeded: number; canceled: number } }[];
  };
  return new Map(data.map(({ id, request_counts }) => [id, request_counts]));
}

describe('A batch that is cancelled while workers are at it', () => {
  it('keeps exactly the work that its provider did, whatever the moment: a hundred seeds', async () => {
    const cancelled: { id: string; course: Course }[] = [];
    for (let seed = 0; seed < 100; seed += 1) {
      const course = courseOf(seed);
      const texts = Array.from({ length: course.requests }, (_, index) => `request ${index}`);
      const { id } = await makeBatch(services, scope, { provider: 'anthropic', texts });
      cancelled.push({ id, course });
    }
    for (const [round, seconds] of rounds.entries()) {
      service.clock.advance({ seconds });
      const due = cancelled.filter(({ course }) => course.round === round);
      await Promise.all([
        workOnce(services, service.app.databaseUrl),
        workOnce(other.services, service.app.databaseUrl),
        ...due.map(async ({ id, course }) => {
          await passTurns(course.delay);
          await cancelBatch(other.services, scope, id);
        }),
      ]);
    }
    await service.turn(20, 10);

    const atProvider = await countsAtProvider();
    const outcomes = new Set<string>();
    for (const [seed, { id }] of cancelled.entries()) {
      const { status, total, succeeded, cancelled: stopped, cancellingAt } = await batchNow(services, id);
      const { providerJobId } = await jobNow(services, id);
      const done = providerJobId === null ? 0 : (atProvider.get(providerJobId)?.succeeded ?? -1);
      expect({ seed, status, succeeded, stopped }).toEqual({
        seed,
        status: done > 0 ? 'COMPLETED' : 'CANCELLED',
        succeeded: done,
        stopped: total - done,
      });
      const kind =
        providerJobId === null ? 'never sent' : done === total ? 'all done' : done > 0 ? 'part' : 'none';
      outcomes.add(cancellingAt === null ? 'too late' : kind);
    }
    // The seeds reach every kind of moment, else they would prove little.
    expect([...outcomes].toSorted()).toEqual(['all done', 'never sent', 'none', 'part', 'too late']);
    await expectInvariants(services.db);
  });
});
