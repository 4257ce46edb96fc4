/** The endpoint of a job's messages: pages of message objects, made when they are asked for. */
import type { JsonObject } from '../../domain/json-line.ts';
import { seedOf } from '../emulator/chance.ts';
import type { EmulatorAnswer, EmulatorRequest, EmulatorRoute } from '../emulator/server.ts';
import { requestsIn } from './emulator-creation.ts';
import { limitIn } from './emulator-list.ts';
import type { KeptJob, Store } from './emulator-store.ts';
import { type Said, saidBy } from './emulator-turns.ts';
import { json, refuse, timestamp, unknownJob, validated } from './emulator-wire.ts';

/** The route of a job's messages. */
export function messageRoute(store: Store): EmulatorRoute {
  return {
    operation: 'messages',
    method: 'GET',
    path: /^\/v1\/messages\/batches\/([^/]+)\/messages$/,
    handle: validated(store.switches, (request) => list(store, request)),
  };
}

const list = async (
  { jobs, clock, switches }: Store,
  { params: [id = ''], query }: EmulatorRequest,
): Promise<EmulatorAnswer> => {
  const asked = limitIn(query);
  const job = await jobs.meta(id);
  if (job === null) return unknownJob(id);
  const [agentId, after] = [query.get('agent_id'), query.get('after')];
  if (after !== null && switches.messagesAfter === 'fails') return refuse(500, 'Something went wrong.');
  const requests = requestsIn(await jobs.content(id));
  const said = [...saidBy(job, requests, switches, clock.now())];
  const sorted = query.get('order') === 'asc' ? said : said.toReversed();
  // A message that nobody knows is no place to go on from, and is passed over in silence, as `before` always is.
  const place = after === null ? -1 : sorted.findLastIndex(({ serial }) => messageId(job, serial) === after);
  const rest = sorted.slice(place + 1);
  const own = agentId === null ? rest : rest.filter((message) => message.agentId === agentId);
  const { messagesLimitMax: most } = switches;
  const page = own.slice(0, most === 'none' ? asked : Math.min(asked, Number(most)));
  return json({ messages: page.map((message) => messageObject(job, message)) });
};

const messageId = (job: KeptJob, serial: number): string => `message-${idOf(job.id, serial)}`;

const messageObject = (job: KeptJob, { draft, agentId, serial }: Said): JsonObject => ({
  created_by_id: null,
  last_updated_by_id: null,
  created_at: timestamp(new Date(job.createdAt), 'Z'),
  updated_at: null,
  id: messageId(job, serial),
  agent_id: agentId,
  model: null,
  name: null,
  tool_calls: null,
  tool_call_id: null,
  step_id: null,
  run_id: null,
  otid: null,
  tool_returns: null,
  group_id: null,
  sender_id: null,
  batch_item_id: `batch_item-${idOf(job.id, seedOf(agentId ?? ''))}`,
  is_err: null,
  approval_request_id: null,
  approve: null,
  denial_reason: null,
  approvals: null,
  ...draft,
});

const idOf = (text: string, serial: number): string =>
  `${seedOf(text).toString(16).padStart(8, '0')}-0000-4000-8000-${serial.toString(16).padStart(12, '0')}`;
