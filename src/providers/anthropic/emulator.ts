/**
 * Message Batches on a loopback port, as the facts in the README record them: what the vendor answers, and what
 * it refuses. Owned here: the routes and the credential. What is checked, shown and answered stands in the files
 * beside this one; batches live on the clock that is handed in, and nowhere is a timer.
 */

import { type Emulator, type EmulatorOptions, strangerKey } from '../emulation.ts';
import { defaultPace, isOver, lifeAt, type WrittenLife } from '../emulator/life.ts';
import { type EmulatorAnswer, type EmulatorRequest, startEmulatorServer } from '../emulator/server.ts';
import { openShelf } from '../emulator/shelf.ts';
import { batchObject, fatesOf, isArchived } from './emulator-batch.ts';
import { type BatchRequest, readBody, readRequests } from './emulator-create.ts';
import { pageOf } from './emulator-list.ts';
import { Refusal, refusalAnswer } from './emulator-refusal.ts';
import { resultLines } from './emulator-results.ts';
import { readSwitches, type Switches } from './emulator-switches.ts';

/** Starts the emulator. Its base URL is in the form that `ANTHROPIC_BASE_URL` has: without `/v1`. */
export async function emulate({
  clock,
  pace,
  directory,
  switches: asked,
  host,
}: EmulatorOptions): Promise<Emulator> {
  const switches = readSwitches(asked);
  const shelf = openShelf<WrittenLife>('msgbatch_', directory);
  let answered = 0;

  const kept = async ({ params: [id = ''] }: EmulatorRequest): Promise<WrittenLife> => {
    const batch = await shelf.meta(id);
    if (batch === null) throw notFound();
    return batch;
  };
  const show = (batch: WrittenLife, { origin }: { origin: string }) =>
    batchObject(batch, clock.now(), origin);

  /** The vendor's own limit over all batches; it asks to come back later. */
  const refuseBeyondQueue = async (more: number) => {
    if (switches.queuedRequestsMax === 'unlimited') return;
    const running = (await shelf.all()).filter((batch) => !isOver(lifeAt(batch, clock.now())));
    const queued = running.reduce((sum, { requestCount }) => sum + requestCount, 0);
    if (queued + more > Number(switches.queuedRequestsMax)) {
      throw new Refusal('rate_limit_error', 'Too many batch requests are in the processing queue.');
    }
  };

  const create = async (request: EmulatorRequest) => {
    const requests = readRequests(await readBody(request), switches);
    await refuseBeyondQueue(requests.length);
    const lines = requests.map((member) => JSON.stringify(member));
    const batch: WrittenLife = {
      id: await shelf.newId(),
      createdAt: clock.now().toISOString(),
      cancelRequestedAt: null,
      requestCount: requests.length,
      pace: { ...defaultPace, ...pace },
      fates: fatesOf(requests, lines),
    };
    await shelf.add(batch.id, batch, Buffer.from(lines.join('\n')));
    return show(batch, request);
  };

  const retrieve = async (request: EmulatorRequest) => show(await kept(request), request);

  const list = async (request: EmulatorRequest) => {
    const newestFirst = (await shelf.all()).reverse();
    const { batches, hasMore } = pageOf(newestFirst, request.query, Number(switches.listLimitMax));
    return {
      data: batches.map((batch) => show(batch, request)),
      has_more: hasMore,
      first_id: batches.at(0)?.id ?? null,
      last_id: batches.at(-1)?.id ?? null,
    };
  };

  const cancel = async (request: EmulatorRequest) => {
    const batch = await kept(request);
    if (isOver(lifeAt(batch, clock.now()))) {
      if (switches.cancelWhenOver === 'refused') throw invalid('The batch has ended and cannot be canceled.');
      return show(batch, request);
    }
    const asked = { cancelRequestedAt: batch.cancelRequestedAt ?? clock.now().toISOString() };
    return show((await shelf.change(batch.id, (meta) => ({ ...meta, ...asked }))) ?? batch, request);
  };

  const remove = async (request: EmulatorRequest) => {
    const batch = await kept(request);
    if (!isOver(lifeAt(batch, clock.now()))) throw invalid('The batch has not ended; cancel it first.');
    await shelf.remove(batch.id);
    return { id: batch.id, type: 'message_batch_deleted' };
  };

  const results = async (request: EmulatorRequest): Promise<EmulatorAnswer> => {
    const batch = await kept(request);
    const content = await shelf.content(batch.id);
    const now = clock.now();
    if (content === null || !isOver(lifeAt(batch, now)) || isArchived(batch, now)) throw notFound();
    const headers = { 'content-type': 'application/x-jsonl' };
    return { status: 200, headers, body: resultLines(batch, content, now) };
  };

  const nextRequestId = (): string => {
    answered += 1;
    return `req_${String(answered).padStart(24, '0')}`;
  };
  /** What goes around every answer: the request id, and a refusal as the vendor writes it. */
  const answering =
    (work: (request: EmulatorRequest) => Promise<EmulatorAnswer>) =>
    async (request: EmulatorRequest): Promise<EmulatorAnswer> => {
      const requestId = nextRequestId();
      try {
        const answer = await work(request);
        return { ...answer, headers: { 'request-id': requestId, ...answer.headers } };
      } catch (thrown) {
        if (thrown instanceof Refusal) return refusalAnswer(thrown, requestId);
        throw thrown;
      }
    };
  const json =
    (work: (request: EmulatorRequest) => Promise<object>) =>
    async (request: EmulatorRequest): Promise<EmulatorAnswer> => ({
      status: 200,
      body: JSON.stringify(await work(request)),
    });

  const all = /^\/v1\/messages\/batches$/;
  const one = /^\/v1\/messages\/batches\/([^/]+)$/;
  const server = await startEmulatorServer({
    routes: [
      { operation: 'create', method: 'POST', path: all, handle: answering(json(create)) },
      { operation: 'list', method: 'GET', path: all, handle: answering(json(list)) },
      { operation: 'retrieve', method: 'GET', path: one, handle: answering(json(retrieve)) },
      { operation: 'delete', method: 'DELETE', path: one, handle: answering(json(remove)) },
      { operation: 'cancel', method: 'POST', path: cancelPath, handle: answering(json(cancel)) },
      { operation: 'results', method: 'GET', path: resultsPath, handle: answering(results) },
    ],
    guard: (request) =>
      isKnown(request, switches)
        ? null
        : refusalAnswer(new Refusal('authentication_error', 'invalid x-api-key'), nextRequestId()),
    fallback: () => refusalAnswer(notFound(), nextRequestId()),
    host,
  });

  return {
    baseUrl: server.origin,
    apiKey,
    stranger: { baseUrl: server.origin, apiKey: strangerKey },
    secret: apiKey,
    operations: { create: 'create', results: 'results', delete: 'delete' },
    faults: server.faults,
    calls: server.calls,
    async batches() {
      const batches = await shelf.all();
      return Promise.all(
        batches.map(async (batch) => ({
          id: batch.id,
          status: show(batch, server).processing_status,
          requestCount: batch.requestCount,
          keys: keysIn(await shelf.content(batch.id)),
        })),
      );
    },
    kept: async () => (await shelf.all()).map(({ id }) => id),
    close: () => server.close(),
  };
}

const apiKey = 'sk-ant-emulated';

const cancelPath = /^\/v1\/messages\/batches\/([^/]+)\/cancel$/;
const resultsPath = /^\/v1\/messages\/batches\/([^/]+)\/results$/;

const isKnown = ({ headers }: EmulatorRequest, { apiKeyHeader }: Switches): boolean =>
  headers.authorization === `Bearer ${apiKey}` ||
  (apiKeyHeader === 'accepted' && headers['x-api-key'] === apiKey);

const keysIn = (content: Buffer | null): string[] =>
  (content?.toString('utf8') ?? '').split('\n').map((line) => (JSON.parse(line) as BatchRequest).custom_id);

const notFound = (): Refusal => new Refusal('not_found_error', 'Not found.');
const invalid = (message: string): Refusal => new Refusal('invalid_request_error', message);
