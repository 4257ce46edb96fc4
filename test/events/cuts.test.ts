/**
 * Readers of `batchUpdated` that are cut off again and again: after some events, or at any moment of the batch's
 * life, with what was on its way lost or not. Dice decide, and the same seed decides the same.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as verbs from '../../src/batches/verbs.ts';
import type { OrganizationScope } from '../../src/domain/scope.ts';
import { followBatch } from '../../src/events/follow-batch.ts';
import { createDice } from '../../src/providers/emulator/chance.ts';
import { batchUpdatedDocument, expectToldExactly, iterate, type Told } from '../support/live.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { transports } from '../support/subscribers.ts';
import { makeBatch, requestsOf } from '../support/verbs.ts';

let service: TestService;
let caller: { key: string; scope: OrganizationScope };
beforeAll(async () => {
  service = await startTestService();
  caller = await service.addOrganization('cut');
});
afterAll(() => service.close());

type Life = (id: string) => (() => Promise<unknown>)[];

const growing: Life = (id) =>
  [1, 2, 3, 4].flatMap((part) => [
    () =>
      verbs.addRequests(service.app.services, caller.scope, id, {
        requests: requestsOf([`a ${part}`, `b ${part}`]),
      }),
    () => verbs.updateBatch(service.app.services, caller.scope, id, { name: `part ${part}` }),
  ]);
const closed: Life = (id) => [() => verbs.submitBatch(service.app.services, caller.scope, id)];
const worked: Life = () => Array.from({ length: 14 }, () => () => service.turn(5));
const once: Life = () => [() => service.work()];
const cancelled: Life = (id) => [() => verbs.cancelBatch(service.app.services, caller.scope, id)];

const texts = (count: number, ...directives: string[]) =>
  Array.from({ length: count }, (_, at) => `question ${at} ${directives[at] ?? ''}`);

/** What a batch begins with, what happens to it, and how it ends. */
const lives: Record<string, { texts: string[]; steps: readonly Life[]; end: string }> = {
  'that succeeds': { texts: texts(90), steps: [growing, closed, worked], end: 'COMPLETED' },
  'with every failure of an item': {
    texts: texts(40, 'emulate:errored', 'emulate:expired', 'emulate:missing', 'emulate:malformed'),
    steps: [growing, closed, worked],
    end: 'COMPLETED',
  },
  'that fails at the provider': {
    texts: texts(3, 'emulate:job-failed'),
    steps: [growing, closed, worked],
    end: 'FAILED',
  },
  'that is cancelled while it runs': {
    texts: texts(30),
    steps: [growing, closed, once, cancelled, once, worked],
    end: 'CANCELLED',
  },
};

describe.each(Object.entries(lives))('the life of a batch %s', (_title, { texts, steps, end }) => {
  it('is told exactly once by fifty readers, each cut off at moments of its own', async () => {
    const { told, cuts, id } = await liveThrough(
      50,
      () => (id, after) => followBatch(service.app.services, caller.scope, id, after),
    );
    expect(cuts).toBeGreaterThan(75);
    await expectToldExactly(service, id, ...told);
  });

  it('is told exactly once over WebSocket and SSE, whenever the connection breaks', async () => {
    const { told, cuts, id } = await liveThrough(6, (reader) => async (id, after) => {
      const subscribe = reader % 2 === 0 ? transports.WebSocket : transports.SSE;
      const variables = { id, after };
      const { url } = service;
      return iterate(
        subscribe({ url, query: batchUpdatedDocument, variables, key: caller.key }),
        'batchUpdated',
      );
    });
    expect(cuts).toBeGreaterThan(8);
    await expectToldExactly(service, id, ...told);
  });

  /** Lets a batch live while so many readers follow it. */
  async function liveThrough(readers: number, openFor: (reader: number) => Open) {
    const { id } = await makeBatch(service.app.services, caller.scope, { texts, submit: { kind: 'MANUAL' } });
    const clock = momentsOf(steps.flatMap((step) => step(id)));
    const reading = Promise.all(
      Array.from({ length: readers }, (_, seed) => readWithCuts(id, openFor(seed), clock, createDice(seed))),
    );
    await clock.run();
    const read = await reading;
    expect(read[0]?.told.at(-1)?.batch?.status).toBe(end);
    return { id, told: read.map(({ told }) => told), cuts: read.reduce((sum, { cuts }) => sum + cuts, 0) };
  }
});

type Open = (id: string, after: number | null) => Promise<AsyncIterator<Told, void>>;

/** Steps that happen one after the other, and promises of the moments between them. */
function momentsOf(steps: readonly (() => Promise<unknown>)[]) {
  const moments = steps.map(() => Promise.withResolvers<void>());
  let passed = 0;
  return {
    /** Resolves when so many more steps are done, or all. */
    later: (count: number) =>
      moments[Math.min(passed + count, steps.length) - 1]?.promise ?? Promise.resolve(),
    async run() {
      for (const step of steps) {
        await step();
        moments[passed]?.resolve();
        passed += 1;
      }
    },
  };
}

async function readWithCuts(
  id: string,
  open: Open,
  moments: ReturnType<typeof momentsOf>,
  dice: (sides: number) => number,
): Promise<{ told: Told[]; cuts: number }> {
  const told: Told[] = [];
  const cutsMax = 1 + dice(4);
  for (let cuts = 0; ; cuts += 1) {
    const stream = await open(id, told.at(-1)?.seq ?? null);
    const takesMax = cuts < cutsMax && dice(2) === 0 ? 1 + dice(3) : Number.POSITIVE_INFINITY;
    const moment =
      cuts < cutsMax && takesMax === Number.POSITIVE_INFINITY
        ? moments.later(1 + dice(4)).then(() => 'cut' as const)
        : new Promise<never>(() => {});
    for (let takes = 0; takes < takesMax; takes += 1) {
      const coming = stream.next();
      const first = await Promise.race([coming, moment]);
      if (first === 'cut') {
        await stream.return?.();
        const { value: late } = await coming;
        // What was on its way when the connection broke has arrived or not.
        if (late !== undefined && dice(2) === 0) told.push(late);
        break;
      }
      if (first.done) return { told, cuts };
      told.push(first.value);
    }
    await stream.return?.();
    await moments.later(dice(3));
  }
}
