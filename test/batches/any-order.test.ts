/**
 * Whatever callers, clock and provider do, and in whatever order: the invariants hold after every step, no batch
 * leaves its end, and no job has two batches at its provider.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addRequests } from '../../src/batches/add-requests.ts';
import { cancelBatch } from '../../src/batches/cancel.ts';
import { submitBatch } from '../../src/batches/submit.ts';
import type { OrganizationScope } from '../../src/domain/scope.ts';
import { isTerminalBatch } from '../../src/domain/status.ts';
import { AppError } from '../../src/errors.ts';
import type { FaultEffect } from '../../src/providers/emulation.ts';
import type { Services } from '../../src/services.ts';
import { expectInvariants } from '../support/invariants.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { countTried } from '../support/tally.ts';
import { batchNow, jobsNow, makeBatch, requestsOf } from '../support/verbs.ts';

/** How many orders are tried. */
const runs = 12;

let service: TestService;
let services: Services;
let scope: OrganizationScope;
beforeAll(async () => {
  service = await startTestService({ SANDBOX_SECONDS: '4' });
  services = service.app.services;
  ({ scope } = await service.addOrganization('any order'));
});
afterAll(() => service.close());

/** What can happen to a batch, by name; a refusal that is typed is an answer like any other. */
const happenings: Record<string, (id: string, provider: string) => Promise<unknown>> = {
  'a request is added': (id, provider) =>
    addRequests(services, scope, id, {
      requests: requestsOf(['more', 'emulate:doubled', 'emulate:missing'], provider),
    }),
  'it is submitted': (id) => submitBatch(services, scope, id),
  'it is cancelled': (id) => cancelBatch(services, scope, id),
  'workers work': () => service.work(),
  'two seconds pass': () => service.turn(2, 2),
  'two minutes pass': () => service.turn(120, 60),
};

const effects: Record<string, { readonly operation: string; readonly effect: FaultEffect }> = {
  'a call to create is lost': { operation: 'create', effect: { kind: 'drop' } },
  'an answer to create is lost': { operation: 'create', effect: { kind: 'accept-and-drop' } },
  'create is throttled': {
    operation: 'create',
    effect: { kind: 'answer', status: 429, headers: { 'retry-after': '30' } },
  },
  'create fails': { operation: 'create', effect: { kind: 'answer', status: 500 } },
  'create is refused': { operation: 'create', effect: { kind: 'answer', status: 400 } },
  'the list is lost': { operation: 'list', effect: { kind: 'drop' } },
  'a poll fails': { operation: 'retrieve', effect: { kind: 'answer', status: 502 } },
  'cancelling fails': { operation: 'cancel', effect: { kind: 'answer', status: 500 } },
  'results of OpenAI are torn': { operation: 'content', effect: { kind: 'tear', afterBytes: 700 } },
  'results of Anthropic are torn': { operation: 'results', effect: { kind: 'tear', afterBytes: 700 } },
};

const steps = fc.array(fc.constantFrom(...Object.keys(happenings), ...Object.keys(effects)), {
  minLength: 3,
  maxLength: 9,
});

async function step(name: string, id: string, provider: string): Promise<void> {
  const fault = effects[name];
  if (fault !== undefined) return service.emulator(provider).faults.add(fault);
  try {
    await happenings[name]?.(id, provider);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
  }
}

/** What the provider holds that was made for the jobs of a batch, by the jobs' own keys. */
async function madeFor(id: string, provider: string): Promise<Record<string, string[]>> {
  const made = await service.emulator(provider).batches();
  const jobs = await jobsNow(services, id);
  return Object.fromEntries(
    jobs.map(({ nonce }) => [
      nonce,
      made.filter(({ keys }) => keys.some((key) => key.startsWith(nonce))).map((batch) => batch.id),
    ]),
  );
}

describe.each(['openai', 'anthropic'])('A batch for %s', (provider) => {
  it('keeps every promise through any order of events', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (names) => {
        const { id } = await makeBatch(services, scope, { provider, submit: { kind: 'MANUAL' } });
        let last = await batchNow(services, id);
        const look = async () => {
          const now = await batchNow(services, id);
          expect(now.version).toBeGreaterThanOrEqual(last.version);
          if (isTerminalBatch(last.status))
            expect(now).toMatchObject({ status: last.status, total: last.total });
          expect(now.succeeded).toBeGreaterThanOrEqual(last.succeeded);
          await expectInvariants(services.db);
          last = now;
        };
        for (const name of names) {
          await step(name, id, provider);
          await look();
        }
        service.emulator(provider).faults.clear();
        if (last.closedAt === null) await cancelBatch(services, scope, id);
        await service.turn(1200, 240);
        await look();
        expect(isTerminalBatch(last.status)).toBe(true);
        const made = await madeFor(id, provider);
        for (const { nonce, providerJobId } of await jobsNow(services, id)) {
          expect(made[nonce]).toEqual(providerJobId === null ? [] : [providerJobId]);
        }
        // The next run's batches must not be found by this one's times.
        service.clock.advance({ hours: 1 });
      }),
      { seed: 42, numRuns: runs },
    );
    countTried('seeds', runs);
  });
});
