/**
 * Several accounts at one provider, as the real one has them: one address, and whose key a call carries says which
 * account answers it. Each account is an emulator of its own, so that none sees what another has.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock } from '../../src/clock.ts';
import type { Emulator } from '../../src/providers/emulation.ts';
import { openai } from '../../src/providers/openai/index.ts';

/** OpenAI, with the accounts that a test opens. */
export interface Accounts {
  /** What `OPENAI_BASE_URL` is set to. */
  readonly baseUrl: string;
  /** Makes an account whose key this is. */
  open(key: string, clock: Clock): Promise<Emulator>;
  /** Another key of the same account; both are taken. */
  also(key: string, of: string): void;
  /** The key is not taken any more; what its account has stays. */
  refuse(key: string): void;
  /** Takes a refused key again. */
  take(key: string): void;
  close(): Promise<void>;
}

type Handle = (incoming: IncomingMessage, outgoing: ServerResponse) => void;

/** Starts the provider, without an account; each key is then taken as the emulator's own. */
export async function startAccounts(): Promise<Accounts> {
  const accounts = new Map<string, { readonly handle: Handle; readonly emulator: () => Emulator }>();
  const refused = new Set<string>();
  const server = createServer((incoming, outgoing) => {
    const key = /^Bearer (.*)$/.exec(incoming.headers.authorization ?? '')?.[1] ?? '';
    const account = refused.has(key) ? undefined : accounts.get(key);
    if (account === undefined) {
      const message = `Incorrect API key provided: ${key}.`;
      const error = { message, type: 'invalid_request_error', code: 'invalid_api_key' };
      outgoing.writeHead(401, { 'content-type': 'application/json' }).end(JSON.stringify({ error }));
      return;
    }
    incoming.headers.authorization = `Bearer ${account.emulator().apiKey}`;
    account.handle(incoming, outgoing);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    baseUrl: `${origin}/v1`,
    async open(key, clock) {
      let handle: Handle = () => undefined;
      const host = {
        async mount(given: Handle) {
          handle = given;
          return origin;
        },
      };
      const emulator = await openai.emulate({ clock, host, pace: { runningSeconds: 20 } });
      accounts.set(key, {
        handle: (incoming, outgoing) => handle(incoming, outgoing),
        emulator: () => emulator,
      });
      return emulator;
    },
    also(key, of) {
      const account = accounts.get(of);
      if (account === undefined) throw new Error('there is no such account');
      accounts.set(key, account);
    },
    refuse: (key) => void refused.add(key),
    take: (key) => void refused.delete(key),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
