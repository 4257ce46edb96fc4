/** How the emulated vendor says no: its error types, their statuses, and the object around them. */

import type { EmulatorAnswer } from '../emulator/server.ts';

/** The vendor's error types, with the status that carries each. */
const statuses = {
  invalid_request_error: 400,
  authentication_error: 401,
  not_found_error: 404,
  request_too_large: 413,
  rate_limit_error: 429,
} as const;

/** A call that is refused; thrown by whatever finds the reason. The message is the vendor's style, not its words. */
export class Refusal extends Error {
  readonly type: keyof typeof statuses;
  constructor(type: keyof typeof statuses, message: string) {
    super(message);
    this.type = type;
  }
  get status(): number {
    return statuses[this.type];
  }
}

/** The error object of the vendor; also what stands in an errored result line, there without a request id. */
export const errorObject = (type: string, message: string, requestId: string | null) => ({
  type: 'error',
  error: { type, message },
  request_id: requestId,
});

/** The answer that a refusal is sent as. */
export const refusalAnswer = ({ status, type, message }: Refusal, requestId: string): EmulatorAnswer => ({
  status,
  headers: { 'request-id': requestId },
  body: JSON.stringify(errorObject(type, message, requestId)),
});
