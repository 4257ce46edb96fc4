/** What every fuzz test shares: its seed, what counts as a proper answer to anything, and how many cases there were. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { expect } from 'vitest';
import type { TestService } from './service.ts';
import type { WireAnswer } from './wire.ts';

/** The seed of all of them. */
export const fuzzSeed = 20_261_127;

/** Words that only the inside knows: tables, SQL, files, drivers. */
const inside =
  /relation |insert into|select \w|42P01|22P02|22021|node_modules|postgres|drizzle|\.[cm]?[jt]s:\d|at \w+ \(|INTERNAL_SERVER_ERROR|Something went wrong/i;

/** The cases of one test file by what they tried. */
export function countCases() {
  const cases = new Map<string, number>();
  return {
    /** Tries so many values. */
    async run<Value>(
      name: string,
      count: number,
      values: fc.Arbitrary<Value>,
      holds: (value: Value) => Promise<void>,
    ) {
      await fc.assert(
        fc.asyncProperty(values, async (value) => {
          cases.set(name, (cases.get(name) ?? 0) + 1);
          await holds(value);
        }),
        { seed: fuzzSeed, numRuns: count, endOnFailure: true },
      );
    },
    /** Tries each of a list. */
    async each<Value>(name: string, values: readonly Value[], holds: (value: Value) => Promise<void>) {
      for (const value of values) {
        cases.set(name, (cases.get(name) ?? 0) + 1);
        await holds(value);
      }
    },
    /** Tells how many there were. */
    tell() {
      const all = [...cases].map(([name, count]) => `${count} ${name}`).join(', ');
      const sum = [...cases.values()].reduce((total, count) => total + count, 0);
      console.log(`Fuzzed with ${sum} cases of wrong input (seed ${fuzzSeed}): ${all}.`);
    },
  };
}

/**
 * Fails unless an answer is one that a caller can understand: no fault, a status below 500, and whatever calls itself
 * JSON is, GraphQL's errors with a message and a code. None at all is proper only for what was no whole request.
 */
export function expectProper(answer: WireAnswer | null, { whole = true } = {}): void {
  if (answer === null) return void expect(whole, 'a whole request was not answered').toBe(false);
  const { status, headers, body } = answer;
  expect(status, body).toBeGreaterThanOrEqual(200);
  expect(status, body).toBeLessThan(500);
  expect(body).not.toMatch(inside);
  const type = headers['content-type'] ?? '';
  if (type.includes('json') && !type.includes('jsonl') && body !== '') expectProperJson(JSON.parse(body));
  if (type.includes('event-stream')) {
    for (const [, data = ''] of body.matchAll(/^data: ?(\{.*\})$/gm)) expectProperJson(JSON.parse(data));
  }
}

/** The same for what a body, or a message over WebSocket, says. */
export function expectProperJson(answer: unknown): void {
  expect(JSON.stringify(answer)).not.toMatch(inside);
  const { errors } = answer as { errors?: { message?: unknown; extensions?: { code?: unknown } }[] };
  for (const { message, extensions } of errors ?? []) {
    expect(message).toEqual(expect.any(String));
    expect(extensions?.code, String(message)).toEqual(expect.stringMatching(/^[A-Z_]+$/));
  }
}

/** Fails unless the service works as ever, and logged no fault of its own. */
export async function expectSound(service: TestService): Promise<void> {
  expect(service.logged.filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([]);
  expect(await service.query('{ viewer { sandbox } }')).toEqual({ data: { viewer: { sandbox: true } } });
}

/** The bytes of memory that are really in use. */
export function heapBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** A list nested so deep that whoever reads it by recursion runs out of stack. */
export const deepJson = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`;

/** Texts that break things: what Postgres cannot hold, what is no Unicode, what looks like something else. */
export const oddTexts: readonly string[] = [
  '',
  ' ',
  '\u0000',
  'a\u0000b',
  '\ud800',
  '\udfff\ud800',
  '\u202e\ufeff',
  "'; drop table batches; --",
  '../../etc/passwd',
  '%00%ff',
  '__proto__',
  'constructor',
  'null',
  'NaN',
  '1e400',
  '9'.repeat(400),
  '0000-00-00T00:00:00Z',
  '+275761-01-01T00:00:00Z',
  'x'.repeat(100_000),
  Buffer.from('Batch:01900000-0000-7000-8000-000000000000').toString('base64'),
  Buffer.from('Batch:\u0000').toString('base64'),
  Buffer.from('BatchItem:01900000-0000-7000-8000-000000000000:99999999999').toString('base64'),
  Buffer.from('Job:01900000-0000-7000-8000-000000000000:-1').toString('base64'),
  Buffer.from('["batch","2026-11-23T10:00:00.000Z","\u0000"]').toString('base64url'),
  '01900000-0000-7000-8000-000000000000',
];

/** Any JSON value, odd ones more often than chance would have it. */
export const oddJson: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(...oddTexts),
  fc.constantFrom<unknown>(null, true, false, 0, -1, 1.5, 2 ** 31, -(2 ** 31) - 1, 2 ** 53, 1e308, [], {}, [
    [],
  ]),
  fc.jsonValue({ maxDepth: 3 }),
);
