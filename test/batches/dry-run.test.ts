/** A dry run tells exactly what the same call does, and does nothing itself. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createBatch } from '../../src/batches/create.ts';
import { dryRunBatch } from '../../src/batches/dry-run.ts';
import type { CreateBatchInput } from '../../src/domain/batch-input.ts';
import type { OrganizationScope } from '../../src/domain/scope.ts';
import { ProviderNotConfiguredError, ValidationError } from '../../src/errors.ts';
import { anthropic } from '../../src/providers/anthropic/index.ts';
import { letta } from '../../src/providers/letta/index.ts';
import { openai } from '../../src/providers/openai/index.ts';
import type { Provider } from '../../src/providers/provider.ts';
import type { Services } from '../../src/services.ts';
import { bodyFor } from '../support/documents.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { jobsNow, withProvider } from '../support/verbs.ts';

let service: TestService;
let services: Services;
let scope: OrganizationScope;
beforeAll(async () => {
  service = await startTestService();
  services = service.app.services;
  ({ scope } = await service.addOrganization('dry'));
});
afterAll(() => service.close());

const dryRun = async (by: Services, input: CreateBatchInput) =>
  (await dryRunBatch(by, scope, async () => input)).findings;
const inputOf = (
  provider: string,
  bodies: readonly object[],
  more: Partial<CreateBatchInput> = {},
): CreateBatchInput => ({
  provider,
  submit: { kind: 'NOW' },
  requests: { kind: 'lines', field: 'jsonl', text: bodies.map((body) => JSON.stringify(body)).join('\n') },
  ...more,
});

/** A request of the property: which model or agent, how long, and what is wrong with it, if anything. */
interface Wish {
  readonly kind: number;
  readonly length: number;
  readonly flaw: 'none' | 'same id' | 'no body' | 'too long';
}
const wishes = fc.array(
  fc.record<Wish>({
    kind: fc.nat({ max: 2 }),
    length: fc.nat({ max: 120 }),
    // Mostly good, so that many inputs are.
    flaw: fc.oneof(
      { weight: 15, arbitrary: fc.constant('none' as const) },
      { weight: 1, arbitrary: fc.constantFrom('same id' as const, 'no body' as const, 'too long' as const) },
    ),
  }),
  { minLength: 1, maxLength: 12 },
);

function lineOf(provider: Provider, { kind, length, flaw }: Wish, index: number): object {
  if (flaw === 'no body') return { customId: `r-${index}` };
  const text = 'x'.repeat(flaw === 'too long' ? 5000 : length);
  const body = bodyFor(provider.name, text, '', kind);
  const named =
    provider === openai ? { ...body, model: `gpt-5-${['mini', 'nano', 'nonsense'][kind]}` } : body;
  return { customId: flaw === 'same id' ? 'r-0' : `r-${index}`, body: named };
}

describe.each([openai, anthropic, letta])('A dry run for $title', (provider) => {
  it('finds no problem exactly where the same call finds none, which then makes exactly that split', async () => {
    const limits = { requestsMin: 2, requestsMax: 4, bytesMax: 1500, lineBytesMax: 1000, queue: [] };
    const by = withProvider(service, { ...provider, limits });
    const seen = { split: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(wishes, async (all) => {
        const input = inputOf(
          provider.name,
          all.map((wish, index) => lineOf(provider, wish, index)),
        );
        const findings = await dryRun(by, input);
        const made = await createBatch(by, scope, input).catch((error: unknown) => error);
        if (made instanceof ValidationError) {
          seen.refused += 1;
          expect(findings).toMatchObject({ issues: made.issues, issueCount: made.total, jobs: [] });
          return;
        }
        if (made instanceof Error) throw made;
        seen.split += 1;
        const { batch } = made as Awaited<ReturnType<typeof createBatch>>;
        expect(findings).toMatchObject({ issues: [], issueCount: 0, missingSetting: null });
        expect(findings).toMatchObject({ requestCount: batch.total, bytes: batch.bytes });
        const jobs = await jobsNow(by, batch.id);
        expect(findings.jobs).toEqual(
          jobs.map(({ endpoint, model, agentId, requestCount, bytes }) => ({
            ...{ endpoint, model, agentId, requestCount, bytes },
          })),
        );
        expect(findings.cost?.low ?? null).toBe(batch.estimatedCostLow);
        expect(findings.cost?.high ?? null).toBe(batch.estimatedCostHigh);
      }),
      { numRuns: 25, seed: 7 },
    );
    expect(seen.split).toBeGreaterThan(2);
    expect(seen.refused).toBeGreaterThan(2);
  });
});

describe('A dry run', () => {
  it('stores nothing, asks the database for nothing but credentials, quotas and the budget, and calls no provider', async () => {
    const emulator = service.emulator('openai');
    service.statements.length = 0;
    const before = emulator.calls.length;
    const findings = await dryRun(services, inputOf('openai', [{ body: bodyFor('openai', 'one') }]));
    expect(findings).toMatchObject({ requestCount: 1, issueCount: 0 });
    expect(service.statements).toEqual([
      expect.stringContaining('from "credentials"'),
      expect.stringContaining('granted_quotas'),
      expect.stringMatching(/^select .*"monthly_budget"/),
    ]);
    expect(emulator.calls).toHaveLength(before);
  });

  it('tells of everything at once: the fields, each bad line, ids that occur twice, and what is missing', async () => {
    const unconfigured = {
      ...services,
      providers: {
        ...services.providers,
        find: (name: string) => {
          const entry = services.providers.find(name);
          return entry && { ...entry, mode: 'UNCONFIGURED' as const };
        },
      },
    };
    const lines = [
      { customId: 'same', body: bodyFor('openai', 'one') },
      { customId: 'same', body: bodyFor('openai', 'two') },
      { customId: 'none' },
    ];
    const input = inputOf('openai', lines, { completionWindow: '7d', callbackUrl: 'ftp://example.com' });
    const { issues, issueCount, missingSetting, jobs } = await dryRun(unconfigured, input);
    expect(missingSetting).toBe('OPENAI_API_KEY');
    expect(issues.map(({ path, line }) => [path.join('.'), line])).toEqual([
      ['input.completionWindow', null],
      ['input.callbackUrl', null],
      ['input.requests.jsonl.customId', 2],
      ['input.requests.jsonl', 3],
    ]);
    expect(issueCount).toBe(4);
    expect(jobs).toEqual([]);
    await expect(createBatch(unconfigured, scope, input)).rejects.toBeInstanceOf(ProviderNotConfiguredError);
  });

  it('names a hundred of the bad lines, and counts all of them', async () => {
    const lines = Array.from({ length: 250 }, () => ({ nonsense: true }));
    const { issues, issueCount } = await dryRun(services, inputOf('openai', lines));
    expect(issues).toHaveLength(100);
    expect(issueCount).toBe(250);
  });

  it('splits an open batch as if it was submitted now, and an empty one not at all', async () => {
    const lines = [{ body: bodyFor('openai', 'one') }];
    const open = await dryRun(services, inputOf('openai', lines, { submit: { kind: 'MANUAL' } }));
    expect(open.jobs).toMatchObject([{ requestCount: 1, model: 'gpt-5-mini' }]);
    const empty = await dryRun(services, { provider: 'openai', submit: { kind: 'MANUAL' } });
    expect(empty).toMatchObject({ jobs: [], issueCount: 0, requestCount: 0, cost: { low: '0', high: '0' } });
  });

  it('refuses what no job could hold, as submitting it would', async () => {
    const { issues, jobs, requestCount } = await dryRun(
      services,
      inputOf('sync', [{ body: bodyFor('sync', 'one') }]),
    );
    expect(issues.map(({ message }) => message)).toEqual([
      expect.stringContaining('takes at least 20 requests in a job'),
    ]);
    expect({ jobs, requestCount }).toEqual({ jobs: [], requestCount: 1 });
  });
});
