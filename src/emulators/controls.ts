/**
 * The controls of running emulators over HTTP, for people and for tests in any language: faults, the record of
 * calls, what batches there are, and the clock. Owned here: the routes and their JSON. It accepts anything from
 * whoever reaches it, as the emulators do.
 */
import { z } from 'zod';
import type { EmulatorHost } from '../providers/emulation.ts';
import {
  type EmulatorAnswer,
  type EmulatorRequest,
  type EmulatorRoute,
  startEmulatorServer,
} from '../providers/emulator/server.ts';
import type { AdvancingClock } from './clock.ts';
import { faultSchema } from './fault-rule.ts';
import { type RunningEmulator, variablesOf } from './running-emulator.ts';

/** What is controlled. */
export interface Controlled {
  readonly emulators: readonly RunningEmulator[];
  readonly clock: AdvancingClock;
}

/** Serves the controls at this place; answers their URL. */
export async function serveControls(host: EmulatorHost, controlled: Controlled): Promise<string> {
  const { origin } = await startEmulatorServer({
    routes: [...ofAll(controlled), ...ofOne(controlled)],
    guard: () => null,
    fallback: ({ method, path }) =>
      refuse(404, 'NOT_FOUND', `There is no ${method} ${path}; docs/emulators.md lists what there is.`),
    host,
  });
  return origin;
}

function ofAll({ emulators, clock }: Controlled): EmulatorRoute[] {
  const time = () => json({ now: clock.now().toISOString() });
  return [
    route('GET', '', () => json({ now: clock.now().toISOString(), providers: emulators.map(described) })),
    route('GET', '/clock', time),
    route('POST', '/clock', async (request) => {
      const { advance } = await bodyOf(request, advanceSchema);
      clock.advance(((advance.hours ?? 0) * 60 + (advance.minutes ?? 0)) * 60 + (advance.seconds ?? 0));
      return time();
    }),
  ];
}

function ofOne({ emulators }: Controlled): EmulatorRoute[] {
  /** How many calls of an emulator were recorded before its record was emptied. */
  const forgotten = new Map<RunningEmulator, number>();
  const one = (
    method: string,
    path: string,
    handle: (running: RunningEmulator, request: EmulatorRequest) => EmulatorAnswer | Promise<EmulatorAnswer>,
  ): EmulatorRoute =>
    route(method, `/([^/]+)${path}`, (request) => {
      const running = emulators.find(({ provider }) => provider.name === request.params[0]);
      if (running !== undefined) return handle(running, request);
      const names = emulators.map(({ provider }) => provider.name).join(', ');
      throw new Refusal(404, 'NOT_FOUND', `There is no provider "${request.params[0]}"; there are ${names}.`);
    });
  return [
    one('POST', '/faults', async ({ emulator }, request) => {
      emulator.faults.add(await bodyOf(request, faultSchema));
      return nothing;
    }),
    one('DELETE', '/faults', ({ emulator }) => {
      emulator.faults.clear();
      return nothing;
    }),
    one('GET', '/calls', (running) =>
      json({ calls: running.emulator.calls.slice(forgotten.get(running) ?? 0) }),
    ),
    one('DELETE', '/calls', (running) => {
      forgotten.set(running, running.emulator.calls.length);
      return nothing;
    }),
    one('GET', '/batches', async ({ emulator }) => json({ batches: await emulator.batches() })),
  ];
}

const described = (running: RunningEmulator) => ({
  name: running.provider.name,
  title: running.provider.title,
  baseUrl: running.emulator.baseUrl,
  apiKey: running.emulator.apiKey,
  environment: variablesOf(running),
  operations: running.emulator.operations,
  switches: running.switches,
});

const yearSeconds = 366 * 24 * 60 * 60;
const part = (secondsEach: number) =>
  z
    .number()
    .min(0)
    .max(yearSeconds / secondsEach)
    .optional();
const advanceSchema = z.strictObject({
  advance: z.strictObject({ seconds: part(1), minutes: part(60), hours: part(3600) }),
});

/** A control that cannot be carried out, for the caller to read. */
class Refusal extends Error {
  readonly answer: EmulatorAnswer;
  constructor(...[status, code, message]: Parameters<typeof refuse>) {
    super(message);
    this.answer = refuse(status, code, message);
  }
}

/** One control; `path` is a pattern. A `Refusal` that is thrown becomes the answer. */
const route = (
  method: string,
  path: string,
  handle: (request: EmulatorRequest) => EmulatorAnswer | Promise<EmulatorAnswer>,
): EmulatorRoute => ({
  operation: `${method} ${path}`,
  method,
  path: new RegExp(`^${path}/?$`),
  async handle(request) {
    try {
      return await handle(request);
    } catch (error) {
      if (error instanceof Refusal) return error.answer;
      throw error;
    }
  },
});

/** The body as it must be; a refusal that names each field that is not. */
async function bodyOf<Schema extends z.ZodType>(
  request: EmulatorRequest,
  schema: Schema,
): Promise<z.output<Schema>> {
  const { data, error } = schema.safeParse(parsed(await request.text()));
  if (error === undefined) return data;
  const sentences = error.issues.map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`);
  throw new Refusal(400, 'INVALID_ARGUMENT', sentences.join('; '));
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    throw new Refusal(400, 'INVALID_ARGUMENT', 'body: must be JSON');
  }
};

const json = (value: unknown): EmulatorAnswer => ({ status: 200, body: JSON.stringify(value) });
const nothing: EmulatorAnswer = { status: 204, body: '' };
const refuse = (status: number, code: string, message: string): EmulatorAnswer => ({
  status,
  body: JSON.stringify({ error: { code, message } }),
});
