/** Answers in the vendor's form: JSON, its refusals, and the check of its keys. */
import type { EmulatorAnswer, EmulatorRequest, EmulatorRoute } from '../emulator/server.ts';
import type { Switches } from './emulator-switches.ts';

/** The key that the emulator accepts. */
export const emulatorKey = 'xai-emulated0123456789abcdefghijklmnop';

/** A JSON answer with status 200. */
export const json = (value: unknown): EmulatorAnswer => ({ status: 200, body: JSON.stringify(value) });

/** A call that is refused; thrown by whatever finds the reason. The message is the vendor's style, not its words. */
export class Refusal extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** A bad argument. */
export const invalid = (message: string): Refusal => new Refusal(400, message);

/** A body that is JSON and not of the form that the vendor reads. */
export const undecodable = (message: string): Refusal =>
  new Refusal(422, `Failed to deserialize the JSON body into the target type: ${message}`);

/** What the vendor writes as the code of a refusal: a sentence for each kind of trouble. */
const codes: Readonly<Record<number, string>> = {
  400: 'Client specified an invalid argument',
  401: 'The request does not have valid authentication credentials',
  403: 'The caller does not have permission to execute the specified operation',
  404: 'Some requested entity was not found',
  412: "The system is not in a state required for the operation's execution",
  413: 'Client specified an invalid argument',
  422: 'Client specified an invalid argument',
  429: 'Some resource has been exhausted',
};

/** The answer that a refusal is sent as. */
export const refusalAnswer = ({ status, message }: Refusal): EmulatorAnswer => ({
  status,
  ...(status === 429 ? { headers: { 'retry-after': '1' } } : {}),
  body: JSON.stringify({ code: codes[status] ?? 'Unknown error', error: message }),
});

/** A route whose refusals are answered as the vendor writes them. */
export const refusing = (route: EmulatorRoute): EmulatorRoute => ({
  ...route,
  async handle(request) {
    try {
      return await route.handle(request);
    } catch (thrown) {
      if (thrown instanceof Refusal) return refusalAnswer(thrown);
      throw thrown;
    }
  },
});

/** The vendor's answer to a call that no route takes. */
export const unknownUrl = ({ method, path }: EmulatorRequest): EmulatorAnswer =>
  refusalAnswer(new Refusal(404, `The requested resource was not found: ${method} ${path}`));

/** The vendor's refusal of callers without the one key. A key that is not its own it takes for a bad argument. */
export const guard =
  ({ unknownKey }: Switches) =>
  ({ headers }: EmulatorRequest): EmulatorAnswer | null => {
    const key = /^Bearer\s+(\S+)$/i.exec(headers.authorization ?? '')?.[1];
    if (key === emulatorKey) return null;
    return refusalAnswer(
      key === undefined
        ? new Refusal(401, 'No credentials were provided.')
        : new Refusal(Number(unknownKey), 'Incorrect API key provided. A key can be made in the console.'),
    );
  };

/** The whole body as JSON; throws the refusal of one that is none. */
export function parseBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalid('Failed to parse the request body as JSON');
  }
}
