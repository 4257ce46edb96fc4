import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as verbs from '../../src/batches/verbs.ts';
import type { OrganizationScope } from '../../src/domain/scope.ts';
import { NotFoundError } from '../../src/errors.ts';
import { type FramePlace, firstPlace } from '../../src/events/finished-items.ts';
import { followFinishedItems } from '../../src/events/follow-items.ts';
import { newId, type Services } from '../../src/services.ts';
import { makeBusy } from '../support/busy-provider.ts';
import { iterate, take } from '../support/live.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { transports } from '../support/subscribers.ts';
import { batchNow, itemsNow, makeBatch } from '../support/verbs.ts';

let service: TestService;
let services: Services;
let scope: OrganizationScope;
let key: string;
beforeAll(async () => {
  service = await startTestService();
  ({ services } = service.app);
  ({ key, scope } = await service.addOrganization('items'));
});
afterAll(() => service.close());

const texts = (count: number) => Array.from({ length: count }, (_, at) => `question ${at}`);
const follow = (id: string, after: FramePlace) => followFinishedItems(services, scope, id, after);

/** Every frame of a batch, each read by a subscriber of its own that resumes where the one before was cut off. */
async function framesCutApart(id: string, after: FramePlace = firstPlace) {
  const frames: { positions: number[]; seqs: number[] }[] = [];
  for (let place = after; ; ) {
    const stream = await follow(id, place);
    const [frame] = await take(stream, 1);
    await stream.return();
    if (frame === undefined) return frames;
    frames.push({
      positions: frame.items.map(({ position }) => position),
      seqs: frame.items.map(({ seq }) => seq),
    });
    place = frame.after;
  }
}

describe('The items of a batch as they finish', () => {
  it('come in frames of up to 1,000, each item once and in the order of commits, cut off after every frame', async () => {
    const { id } = await makeBatch(services, scope, { texts: texts(2000) });
    await service.turn(60, 20);
    expect((await batchNow(services, id)).status).toBe('COMPLETED');

    const frames = await framesCutApart(id);
    expect(frames.map(({ positions }) => positions.length)).toEqual([1000, 1000]);
    const positions = frames.flatMap((frame) => frame.positions);
    expect(positions.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 2000 }, (_, at) => at));
    const seqs = frames.flatMap((frame) => frame.seqs);
    expect(seqs).toEqual(seqs.toSorted((a, b) => a - b));
    expect(new Set(seqs).size).toBeGreaterThan(2);

    const whole = await take(await follow(id, firstPlace), Number.POSITIVE_INFINITY);
    expect(whole.flatMap(({ items }) => items.map(({ position }) => position))).toEqual(positions);
  });

  it('come while the batch runs, and complete with it', async () => {
    const { id } = await makeBatch(services, scope, { texts: texts(100) });
    const reading = take(await follow(id, firstPlace), Number.POSITIVE_INFINITY);
    const cutting = framesCutApart(id);
    await service.turn(60);
    const frames = await reading;
    expect(
      frames.flatMap(({ items }) => items.map(({ position }) => position)).toSorted((a, b) => a - b),
    ).toEqual(Array.from({ length: 100 }, (_, at) => at));
    expect((await cutting).flatMap(({ positions }) => positions)).toHaveLength(100);
    expect(services.hub.size).toBe(0);
  });

  it('go on in the middle of what one transaction stored', async () => {
    const { id } = await makeBatch(services, scope, { texts: texts(5) });
    await service.turn(60);
    const [frame] = await framesCutApart(id);
    const frames = await framesCutApart(id, { seq: frame!.seqs[2]!, position: frame!.positions[2]! });
    expect(frames.flatMap(({ positions }) => positions)).toEqual(frame!.positions.slice(3));
  });

  it('of a batch that was cancelled before it was sent come with that outcome', async () => {
    const { id } = await makeBatch(services, scope, { submit: { kind: 'MANUAL' } });
    const reading = take(await follow(id, firstPlace), Number.POSITIVE_INFINITY);
    await verbs.cancelBatch(services, scope, id);
    expect((await reading).flatMap(({ items }) => items.map(({ status }) => status))).toEqual([
      'CANCELLED',
      'CANCELLED',
    ]);
  });

  it('that are tried again come once more, with their new result; who comes later is told that alone', async () => {
    const calmDown = makeBusy(service, [1]);
    const { id } = await makeBatch(services, scope, { texts: texts(3) });
    const first = take(await follow(id, firstPlace), Number.POSITIVE_INFINITY);
    await service.turn(60);
    const seen = await first;
    const outcomes = (frames: typeof seen) =>
      frames.flatMap(({ items }) =>
        items.map(({ position, status, attempt }) => [position, status, attempt]),
      );
    expect(outcomes(seen).toSorted()).toEqual([
      [0, 'SUCCEEDED', 1],
      [1, 'ERRORED', 1],
      [2, 'SUCCEEDED', 1],
    ]);
    calmDown();
    await verbs.retryBatch(services, scope, id, {});
    const place = seen.at(-1)?.after ?? firstPlace;
    const readings = [follow(id, place), follow(id, firstPlace)].map(async (stream) =>
      take(await stream, Number.POSITIVE_INFINITY),
    );
    await service.turn(60);
    const [again = [], afresh = []] = await Promise.all(readings);
    expect(outcomes(again)).toEqual([[1, 'SUCCEEDED', 2]]);
    expect(outcomes(afresh).toSorted()).toEqual([
      [0, 'SUCCEEDED', 1],
      [1, 'SUCCEEDED', 2],
      [2, 'SUCCEEDED', 1],
    ]);
  });

  it('end with the deletion of the batch, and are not found for a batch of nobody or of another', async () => {
    const { id } = await makeBatch(services, scope, { submit: { kind: 'MANUAL' } });
    const other = await service.addOrganization('other');
    await expect(followFinishedItems(services, other.scope, id, firstPlace)).rejects.toThrow(NotFoundError);
    await expect(follow(newId(service.clock), firstPlace)).rejects.toThrow(NotFoundError);
    const reading = take(await follow(id, firstPlace), 9);
    await verbs.deleteBatch(services, scope, id);
    expect(await reading).toEqual([]);
  });
});

describe.each(Object.entries(transports))('batchItemsFinished over %s', (_name, subscribe) => {
  const document = `subscription($id: ID!, $after: String) { batchItemsFinished(batchId: $id, after: $after) {
    cursor items { position customId status text error { code } finishedAt } } }`;

  it('carries each item with its result, goes on after a cursor, and completes', async () => {
    const { id } = await makeBatch(services, scope, {
      texts: ['what is one', 'emulate:errored', 'emulate:missing', 'what is four'],
    });
    const open = (after: string | null) =>
      subscribe({ url: service.url, query: document, variables: { id, after }, key });
    const subscriber = open(null);
    await service.turn(60);
    await subscriber.done;
    const frames = subscriber.messages.map(({ data }) => data.batchItemsFinished);
    const told = frames.flatMap(({ items }) => items);
    const expected = (await itemsNow(services, id)).map(({ customId, status, errorCode, position }) => ({
      position,
      customId,
      status,
      text: status === 'SUCCEEDED' ? expect.stringMatching(/./) : null,
      error: errorCode === null ? null : { code: errorCode },
      finishedAt: expect.any(String),
    }));
    expect(told.toSorted((a, b) => a.position - b.position)).toEqual(expected);
    expect(told.map(({ status }) => status).toSorted()).toEqual([
      'ERRORED',
      'ERRORED',
      'SUCCEEDED',
      'SUCCEEDED',
    ]);

    const rest = iterate<{ items: unknown[] }>(open(frames[0].cursor), 'batchItemsFinished');
    expect((await take(rest, 9)).flatMap(({ items }) => items)).toEqual(told.slice(frames[0].items.length));
    await Promise.all([subscriber.stop(), rest.return?.()]);
  });
});
