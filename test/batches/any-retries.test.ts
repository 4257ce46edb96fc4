/**
 * Whatever is retried, by hand or by a policy, while callers cancel, the clock turns and the provider fails: after every
 * step the invariants hold, every list agrees with every other, and what was written of an attempt stays as it was.
 */
import { sql } from 'drizzle-orm';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cancelBatch } from '../../src/batches/cancel.ts';
import { retryBatch } from '../../src/batches/retry.ts';
import { isSelected, type RetryBatchInput, transientFailures } from '../../src/domain/retry.ts';
import type { OrganizationScope } from '../../src/domain/scope.ts';
import { isTerminalBatch } from '../../src/domain/status.ts';
import { AppError } from '../../src/errors.ts';
import type { FaultEffect } from '../../src/providers/emulation.ts';
import { openai } from '../../src/providers/openai/index.ts';
import type { Services } from '../../src/services.ts';
import { workOnce } from '../../src/worker/worker.ts';
import { makeBusy } from '../support/busy-provider.ts';
import { expectInvariants } from '../support/invariants.ts';
import { expectListsAgree } from '../support/lists.ts';
import { committedEvents } from '../support/live.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { countTried } from '../support/tally.ts';
import { batchNow, jobsNow, makeBatch, withProvider } from '../support/verbs.ts';

/** How many orders are tried. */
const runs = 6;

let service: TestService;
let services: Services;
let scope: OrganizationScope;
beforeAll(async () => {
  service = await startTestService({ SANDBOX_SECONDS: '4' });
  // Small jobs, so that a batch has some that are over while others run or wait.
  services = withProvider(service, { ...openai, limits: { ...openai.limits, requestsMax: 3 } });
  ({ scope } = await service.addOrganization('any retries'));
});
afterAll(() => service.close());

const texts = [
  'fine',
  'emulate:errored',
  'emulate:overloaded',
  'also fine',
  'emulate:expired',
  'emulate:missing',
  'fine as well',
];
const work = () => workOnce(services, service.app.databaseUrl);
const pass = async (seconds: number) => {
  service.clock.advance({ seconds });
  await work();
};
const retry = (id: string, input: RetryBatchInput = {}) => retryBatch(services, scope, id, input);
const faults = () => service.emulator('openai').faults;
const fault = (operation: string, effect: FaultEffect) => async () => faults().add({ operation, effect });

/** What can happen, by name; a refusal that is typed is an answer like any other. */
const happenings: Record<string, (id: string) => Promise<unknown>> = {
  'everything is retried': (id) => retry(id),
  'what makes sense is retried': (id) => retry(id, { onlyRetryable: true }),
  'the first two are retried by name': (id) => retry(id, { filter: { customIds: ['item-1', 'item-2'] } }),
  'the second is retried by name': (id) => retry(id, { filter: { customIds: ['item-2'] } }),
  'what expired is retried': (id) => retry(id, { filter: { status: ['EXPIRED'] } }),
  'it is cancelled': (id) => cancelBatch(services, scope, id),
  'the provider is too busy': async () => void makeBusy(service, [0, 3]),
  'the provider calms down': async () => faults().clear(),
  'workers work': work,
  'three seconds pass': () => pass(3),
  'a minute passes': () => pass(60),
  'a job is refused': fault('create', { kind: 'answer', status: 400 }),
  'an answer to create is lost': fault('create', { kind: 'accept-and-drop' }),
  'results are torn': fault('content', { kind: 'tear', afterBytes: 500 }),
};
const steps = fc.array(fc.constantFrom(...Object.keys(happenings), 'workers work', 'a minute passes'), {
  minLength: 5,
  maxLength: 9,
});

/** Every result, whole, by item and attempt. */
async function resultsOf(id: string): Promise<Map<string, string>> {
  const { rows } = await services.db.read((q) =>
    q.execute<{ key: string; row: string }>(
      sql`select position || '/' || attempt as key, r::text as row from results r where batch_id = ${id}::uuid`,
    ),
  );
  return new Map(rows.map(({ key, row }) => [key, row]));
}

it('A batch that is retried keeps every promise through any order of events', {
  timeout: 120_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.boolean(), async (names, hasPolicy) => {
      const policy = hasPolicy ? { retry: { attempts: 3, backoffSeconds: 20 } } : {};
      const { id } = await makeBatch(services, scope, { texts, ...policy });
      let known = new Map<string, string>();
      const look = async (name: string) => {
        await expectInvariants(services.db);
        const items = await expectListsAgree(services, id);
        const results = await resultsOf(id);
        for (const [key, row] of known) expect(results.get(key), `${key} after ${name}`).toBe(row);
        known = results;
        return items;
      };
      await work();
      for (const name of names) {
        try {
          await happenings[name]?.(id);
        } catch (error) {
          if (!(error instanceof AppError)) throw error;
        }
        await look(name);
      }
      faults().clear();
      for (let round = 0; round < 40; round += 1) {
        await pass(240);
        if (isTerminalBatch((await batchNow(services, id)).status)) break;
      }
      const items = await look('a long time');
      const { status, attempts, cancellingAt } = await batchNow(services, id);
      expect(isTerminalBatch(status)).toBe(true);
      if (hasPolicy && cancellingAt === null && attempts < 3) {
        const transient = items.filter((item) => isSelected(transientFailures, item));
        expect(transient).toEqual([]);
      }
      const events = await committedEvents(service, id);
      expect(events.filter(({ kind }) => kind === 'BATCH_RETRIED')).toHaveLength(attempts - 1);
      // Each job was sent once, and nothing was sent for it twice.
      const made = await service.emulator('openai').batches();
      for (const { nonce, providerJobId } of await jobsNow(services, id)) {
        const own = made
          .filter(({ keys }) => keys.some((key) => key.startsWith(nonce)))
          .map((batch) => batch.id);
        expect(own).toEqual(providerJobId === null ? [] : [providerJobId]);
      }
      service.clock.advance({ hours: 1 });
    }),
    { seed: 7, numRuns: runs },
  );
  countTried('seeds', runs);
});
