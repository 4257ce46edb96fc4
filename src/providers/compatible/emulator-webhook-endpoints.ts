/** The webhook endpoints that a project has registered, as the vendor's own SDK makes, lists, shows and deletes them. */
import type { JsonObject } from '../../domain/json-line.ts';
import { parsedObject } from '../../domain/json-reading.ts';
import type { EmulatorAnswer, EmulatorRequest, EmulatorRoute } from '../emulator/server.ts';
import type { KeptEndpoint, Store } from './emulator-store.ts';
import { emulatorWebhookSecret, webhookEvents } from './emulator-webhooks.ts';
import { json, pathAt, refuse } from './emulator-wire.ts';

/** The routes under `/webhook_endpoints`; none where the service calls nobody. */
export function webhookRoutes(store: Store): EmulatorRoute[] {
  if (store.service.webhookSetting === null) return [];
  const all = pathAt(store.service, '/webhook_endpoints');
  const one = pathAt(store.service, '/webhook_endpoints/([^/]+)');
  return [
    {
      operation: 'create_endpoint',
      method: 'POST',
      path: all,
      handle: (request) => create(store, request),
    },
    {
      operation: 'list_endpoints',
      method: 'GET',
      path: all,
      handle: ({ query }) => list(store, query),
    },
    {
      operation: 'retrieve_endpoint',
      method: 'GET',
      path: one,
      handle: async ({ params: [id = ''] }) => {
        const endpoint = await store.endpoints.meta(id);
        return endpoint === null ? unknownEndpoint(id) : json(endpointObject(endpoint));
      },
    },
    {
      operation: 'delete_endpoint',
      method: 'DELETE',
      path: one,
      handle: async ({ params: [id = ''] }) => {
        const deleted = await store.endpoints.remove(id);
        return deleted ? json({ id, object: 'webhook_endpoint.deleted', deleted }) : unknownEndpoint(id);
      },
    },
  ];
}

/** Makes the URL the one endpoint there is, told of every end; an endpoint that is so already stays the same one. */
export async function callAt(store: Store, url: string): Promise<void> {
  const all = await store.endpoints.all();
  const kept = all.find(
    (endpoint) => endpoint.url === url && endpoint.eventTypes.length === webhookEvents.length,
  );
  for (const { id } of all.filter((endpoint) => endpoint !== kept)) await store.endpoints.remove(id);
  if (kept === undefined) await add(store, { name: 'BatchQL', url, eventTypes: webhookEvents.map(String) });
}

const add = async (
  store: Store,
  wanted: Pick<KeptEndpoint, 'name' | 'url' | 'eventTypes'>,
): Promise<KeptEndpoint> => {
  const id = await store.endpoints.newId();
  const endpoint: KeptEndpoint = { id, createdAt: store.clock.now().toISOString(), ...wanted };
  await store.endpoints.add(id, endpoint, Buffer.alloc(0));
  return endpoint;
};

const create = async (store: Store, request: EmulatorRequest): Promise<EmulatorAnswer> => {
  const body = parsedObject(await request.text());
  if (body === null) return refuse(400, 'We could not parse the JSON body of your request.');
  const { name, url, event_types: types, ...others } = body;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) return wrong(unknown, `Unknown parameter: '${unknown}'.`, 'unknown_parameter');
  if (typeof name !== 'string' || name === '' || name.length > 256) {
    return wrong('name', 'name must be a text of 1 to 256 characters.');
  }
  if (typeof url !== 'string' || url.length > 2048 || !isCallable(url)) {
    return wrong('url', 'url must be an HTTPS URL of at most 2048 characters.');
  }
  if (!Array.isArray(types) || types.length === 0 || !types.every((type) => webhookEvents.includes(type))) {
    return wrong('event_types', `event_types must be some of ${webhookEvents.join(', ')}.`);
  }
  const endpoint = await add(store, { name, url, eventTypes: types.map(String) });
  return json({ ...endpointObject(endpoint), signing_secret: emulatorWebhookSecret });
};

/** The vendor calls HTTPS alone; who tries things out on one machine has no certificate. */
const isCallable = (text: string): boolean => {
  const url = URL.parse(text);
  const isNear = url !== null && /^(?:localhost|127\.0\.0\.1|\[::1\])$/.test(url.hostname);
  return url?.protocol === 'https:' || (url?.protocol === 'http:' && isNear);
};

const list = async (store: Store, query: URLSearchParams): Promise<EmulatorAnswer> => {
  const newestFirst = (await store.endpoints.all()).toReversed();
  const limit = Number(query.get('limit') ?? 20);
  const from = newestFirst.findIndex(({ id }) => id === query.get('after')) + 1;
  const page = newestFirst.slice(from, from + limit);
  return json({
    object: 'list',
    data: page.map(endpointObject),
    first_id: page.at(0)?.id ?? null,
    last_id: page.at(-1)?.id ?? null,
    has_more: from + limit < newestFirst.length,
  });
};

const endpointObject = ({ id, createdAt, name, url, eventTypes: types }: KeptEndpoint): JsonObject => ({
  id,
  object: 'webhook_endpoint',
  created_at: Math.floor(Date.parse(createdAt) / 1000),
  event_types: [...types],
  name,
  signing_secret_hint: `whsec_...${emulatorWebhookSecret.slice(-4)}`,
  url,
});

const wrong = (param: string, message: string, code = 'invalid_value'): EmulatorAnswer =>
  refuse(400, message, { param, code });

const unknownEndpoint = (id: string): EmulatorAnswer =>
  refuse(404, `No webhook endpoint found with id '${id}'.`);
