/**
 * The endpoints of jobs: create, list, retrieve, cancel. A job is written once, when it is created; every answer about
 * it follows from that and the clock.
 */
import { readFates } from '../emulator/fate.ts';
import { isOver, lifeAt } from '../emulator/life.ts';
import type { EmulatorAnswer, EmulatorRequest, EmulatorRoute } from '../emulator/server.ts';
import { readCreation } from './emulator-creation.ts';
import { jobObject } from './emulator-job.ts';
import { listJobs } from './emulator-list.ts';
import type { KeptJob, Store } from './emulator-store.ts';
import { json, refuse, unknownJob, validated } from './emulator-wire.ts';

/** The routes under `/v1/messages/batches`, but for the messages. */
export function jobRoutes(store: Store): EmulatorRoute[] {
  const all = /^\/v1\/messages\/batches$/;
  const { switches } = store;
  return [
    {
      operation: 'create',
      method: 'POST',
      path: all,
      handle: validated(switches, (request) => create(store, request)),
    },
    {
      operation: 'list',
      method: 'GET',
      path: all,
      handle: validated(switches, ({ query }) => listJobs(store, query)),
    },
    {
      operation: 'retrieve',
      method: 'GET',
      path: /^\/v1\/messages\/batches\/([^/]+)$/,
      handle: async ({ params: [id = ''] }) => {
        const job = await store.jobs.meta(id);
        return job === null ? unknownJob(id) : json(jobObject(store, job));
      },
    },
    {
      operation: 'cancel',
      method: 'PATCH',
      path: /^\/v1\/messages\/batches\/([^/]+)\/cancel$/,
      handle: ({ params: [id = ''] }) => cancel(store, id),
    },
  ];
}

/** What a creation may have, by its declared length alone. */
const bytesMax = 256 * 1024 * 1024;

const create = async (store: Store, request: EmulatorRequest): Promise<EmulatorAnswer> => {
  const length = Number(request.headers['content-length'] ?? 0);
  if (length > bytesMax) return refuse(400, `${length} bytes are more than the ${bytesMax} that are taken.`);
  const { requests, callbackUrl } = readCreation(await request.text(), store.switches);
  const lines = requests.map((member) => JSON.stringify(member));
  const fates = readFates(lines);
  const asked = fates.batch.includes('job-failed') && store.switches.createFailure === 'at-creation';
  const failsNow = lines.length === 0 || asked;
  const job: KeptJob = {
    id: await store.jobs.newId(),
    createdAt: store.clock.now().toISOString(),
    cancelRequestedAt: null,
    requestCount: lines.length,
    pace: failsNow ? { ...store.pace, validatingSeconds: 0 } : store.pace,
    fates: failsNow ? { ...fates, batch: ['job-failed'] } : fates,
    callbackUrl,
    callback: null,
    isOverwritten: false,
  };
  // A creation that fails leaves its job behind.
  await store.jobs.add(job.id, job, Buffer.from(lines.join('\n')));
  if (lines.length === 0) return refuse(400, 'The list of requests has to have one.');
  return failsNow ? refuse(500, 'Something went wrong.') : json(jobObject(store, job));
};

/** The server writes "cancelled" first, over any end, and only then tries to stop what it has sent on. */
const cancel = async ({ jobs, clock, switches }: Store, id: string): Promise<EmulatorAnswer> => {
  const job = await jobs.meta(id);
  if (job === null) return unknownJob(id);
  const now = clock.now();
  const wasOver = isOver(lifeAt(job, now));
  if (wasOver && switches.cancelWhenOver === 'keeps') return json(null);
  await jobs.change(id, (kept) => ({
    ...kept,
    cancelRequestedAt: kept.cancelRequestedAt ?? now.toISOString(),
    isOverwritten: kept.isOverwritten || wasOver,
  }));
  if (!wasOver && switches.cancelling === 'not-enabled')
    return refuse(501, 'This server cannot cancel batches.');
  return json(null);
};
