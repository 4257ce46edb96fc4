/** Answers in the server's form: JSON, its refusals in words of our own, and the check of its keys. */
import type { EmulatorAnswer, EmulatorRequest, EmulatorRoute } from '../emulator/server.ts';
import type { Switches } from './emulator-store.ts';

/** The key that the emulator accepts. */
export const emulatorKey = 'sk-let-emulated-0123456789abcdef';

/** A JSON answer with status 200. */
export const json = (value: unknown): EmulatorAnswer => ({ status: 200, body: JSON.stringify(value) });

/** A refusal in a sentence, as the server's framework words it. */
export const refuse = (status: number, detail: string): EmulatorAnswer => ({
  status,
  body: JSON.stringify({ detail }),
});

/** Something that is not as it must be, and where. */
export class Invalid extends Error {
  readonly place: ReadonlyArray<string | number>;
  constructor(place: ReadonlyArray<string | number>, message: string) {
    super(message);
    this.place = place;
  }
}

/** The work, with what it finds invalid answered by 422: a list, which the server is known to write as one text. */
export const validated =
  (
    { validation }: Switches,
    work: (request: EmulatorRequest) => Promise<EmulatorAnswer>,
  ): EmulatorRoute['handle'] =>
  async (request) => {
    try {
      return await work(request);
    } catch (thrown) {
      if (!(thrown instanceof Invalid)) throw thrown;
      const problems = [{ type: 'value_error', loc: thrown.place, msg: thrown.message }];
      const detail = validation === 'list' ? problems : JSON.stringify(problems).replaceAll('"', "'");
      return { status: 422, body: JSON.stringify({ trace_id: '', detail }) };
    }
  };

/** The server's 404 for a job. */
export const unknownJob = (id: string): EmulatorAnswer =>
  refuse(404, `There is no job with the id ${id} that you may see.`);

/** The server's answer to a call that no route takes. */
export const unknownUrl = (): EmulatorAnswer => refuse(404, 'Not Found');

/** The server's 401 without the one key. */
export function guard({ headers }: EmulatorRequest): EmulatorAnswer | null {
  return headers.authorization === `Bearer ${emulatorKey}` ? null : refuse(401, 'Unauthorized');
}

/** A time as the server writes it: with microseconds, and some columns without a zone. */
export const timestamp = (at: Date, zone: 'Z' | ''): string => at.toISOString().replace('Z', `000${zone}`);
