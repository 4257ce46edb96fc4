/**
 * Whatever a provider's file of results looks like and wherever its connection breaks: every item has one outcome, its
 * own line is the one that is kept, and nothing counts twice. Files are made out of true ones by chance.
 */
import { sql } from 'drizzle-orm';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { itemKey } from '../../src/domain/ids.ts';
import type { OrganizationScope } from '../../src/domain/scope.ts';
import { isTerminalBatch } from '../../src/domain/status.ts';
import { findProvider } from '../../src/providers/registry.ts';
import type { Services } from '../../src/services.ts';
import { type AlteredProvider, alterResults } from '../support/altered-results.ts';
import { expectInvariants } from '../support/invariants.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { countTried } from '../support/tally.ts';
import { batchNow, jobNow, makeBatch, withProvider, workNext } from '../support/verbs.ts';

/** How many orders are tried. */
const runs = 9;

const seed = 20_261_123;

let service: TestService;
let scope: OrganizationScope;
beforeAll(async () => {
  service = await startTestService({ SANDBOX_SECONDS: '1', POLL_FIRST_SECONDS: '1' });
  ({ scope } = await service.addOrganization('any results'));
});
afterAll(() => service.close());

/** What becomes of one true line: the lines that stand in the file instead. */
const fates: Readonly<Record<string, (line: string) => readonly (string | Buffer)[]>> = {
  'as it is': (line) => [line],
  doubled: (line) => [line, line],
  missing: () => [],
  'with what Postgres cannot hold': (line) => [`${line.slice(0, -1)},"odd":"\\u0000\\ud800"}`],
  'with bytes that are no text': (line) => [
    Buffer.concat([
      Buffer.from(`${line.slice(0, -1)},"odd":"`),
      Buffer.from([0xff, 0x00, 0xc3]),
      Buffer.from('"}'),
    ]),
  ],
  'torn off after its key': (line) => [line.slice(0, Math.ceil(line.length * 0.9))],
  'torn off, and whole': (line) => [line.slice(0, Math.ceil(line.length * 0.9)), line],
};
type Fate = keyof typeof fates;

/** Lines of nobody's. */
const foreign = (nonce: string): readonly string[] => [
  'no JSON at all',
  '{}',
  '[1,2,3]',
  'null',
  '{"custom_id":7}',
  `{"custom_id":"${'a'.repeat(64)}","key":"${'a'.repeat(64)}"}`,
  `{"custom_id":"${itemKey(nonce, 4_000)}","key":"${itemKey(nonce, 4_000)}"}`,
  `{"custom_id":"${itemKey(nonce, 0)}0000000000","key":"x"}`,
  '\u0000\u0000',
  `'; drop table results; --`,
];

/** One course: what happens to each line, which lines of nobody's there are, in which order, and where readings break off. */
const courses = fc.record({
  fates: fc.array(fc.constantFrom<Fate>('as it is', 'as it is', ...Object.keys(fates)), {
    minLength: 1,
    maxLength: 24,
  }),
  foreign: fc.uniqueArray(fc.nat(9), { maxLength: 6 }),
  /** Each reading sorts by another of these; the last goes on for ever. */
  orders: fc.array(fc.nat(1_000_000), { minLength: 1, maxLength: 3 }),
  /** How much of a reading comes before it breaks off, in thousandths. */
  cuts: fc.array(fc.integer({ min: 1, max: 999 }), { maxLength: 4 }),
});

/** A number that follows from two others, to sort by. */
const mixed = (a: number, b: number): number => Math.imul(a ^ (b * 0x9e3779b1), 0x85ebca6b) >>> 0;

const withNewline = (line: string | Buffer): Buffer => Buffer.concat([Buffer.from(line), Buffer.from('\n')]);

describe.each(['openai', 'anthropic', 'mistral', 'gemini'])('Whatever results %s sends', (name) => {
  let altered: AlteredProvider;
  let services: Services;
  let answer: (original: string) => { body: Buffer; cutAfterBytes?: number };
  beforeAll(async () => {
    const provider = findProvider(name);
    if (provider === null) throw new Error(`there is no ${name}`);
    altered = await alterResults(service.emulator(name), async (original) => {
      const { body, ...cut } = answer(await original());
      return { body: [body], ...cut };
    });
    services = withProvider(service, provider, altered);
  });
  afterAll(() => altered.close());

  it('each item gets its own line or says that it has none, once, and the batch ends', {
    timeout: 180_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(courses, async (course) => {
        const texts = course.fates.map((_, index) => `question ${index}`);
        const { id } = await makeBatch(services, scope, { provider: name, texts });
        const { nonce } = await jobNow(services, id);
        const originals = new Map<number, string>();
        let reading = 0;
        answer = (original) => {
          const lines = original.trimEnd().split('\n');
          const order = course.orders[reading] ?? course.orders.at(-1) ?? 0;
          const cut = course.cuts[reading];
          reading += 1;
          const sent = lines.flatMap((line) => {
            const position = texts.findIndex((_, at) => line.includes(`"${itemKey(nonce, at)}"`));
            originals.set(position, line);
            return fates[course.fates[position] ?? '']?.(line) ?? [];
          });
          sent.push(...course.foreign.map((which) => foreign(nonce)[which] ?? ''));
          const shuffled = sent
            .map((line, index) => ({ line, place: mixed(order, index) }))
            .toSorted((a, b) => a.place - b.place)
            .map(({ line }) => withNewline(line));
          const body = Buffer.concat(shuffled);
          return cut === undefined
            ? { body }
            : { body, cutAfterBytes: Math.ceil((body.length * cut) / 1000) };
        };

        let counted = 0;
        while (await workNext(services, service.clock, id)) {
          await expectInvariants(services.db);
          const { succeeded, errored } = await batchNow(services, id);
          expect(succeeded + errored).toBeGreaterThanOrEqual(counted);
          counted = succeeded + errored;
        }
        const batch = await batchNow(services, id);
        expect(isTerminalBatch(batch.status)).toBe(true);
        expect(reading).toBeGreaterThan(0);
        const { rows: items } = await services.db.read((q) =>
          q.execute<{ status: string; errorCode: string | null; response: string | null }>(sql`
            select status, error_code as "errorCode", response from results where batch_id = ${id} order by position`),
        );
        expect(items.length).toBe(texts.length);
        expect(batch.succeeded + batch.errored).toBe(texts.length);
        for (const [position, { status, errorCode, response }] of items.entries()) {
          const fate = course.fates[position] ?? '';
          const line = originals.get(position) ?? '';
          // What may stand in the database: the very line, but for bytes that are no text.
          const lines = fates[fate]?.(line).map((sent) =>
            Buffer.from(sent).toString('utf8').replaceAll('\0', '\ufffd'),
          );
          if (fate === 'missing') {
            expect({ status, errorCode, response }).toEqual({
              status: 'ERRORED',
              errorCode: 'missing_result',
              response: null,
            });
          } else expect(lines).toContain(response);
          if (fate === 'torn off after its key') {
            expect({ status, errorCode }).toEqual({ status: 'ERRORED', errorCode: 'malformed_result' });
          }
          if (!fate.startsWith('torn') && fate !== 'missing' && fate !== 'with bytes that are no text') {
            expect(status).toBe('SUCCEEDED');
          }
        }
        const { rows } = await services.db.read((q) =>
          q.execute<{ line: string }>(sql`select line from strays where batch_id = ${id}`),
        );
        const odd = course.foreign.map((which) => foreign(nonce)[which]?.replaceAll('\0', '\ufffd'));
        for (const { line } of rows) expect(odd).toContain(line);
        if (course.cuts.length === 0 && course.orders.length === 1) expect(rows.length).toBe(odd.length);
      }),
      { seed, numRuns: runs },
    );
    countTried('seeds', runs);
  });
});
