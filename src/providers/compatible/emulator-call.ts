/** A call to an endpoint, as the lines of a batch make it. */
import type { JsonObject } from '../../domain/json-line.ts';

/** One call to an endpoint: the body, a text that ids are made of, and Unix seconds. */
export interface EndpointCall {
  readonly body: JsonObject;
  readonly id: string;
  readonly at: number;
}
