/** How requests are recognised and checked before anything is stored, and how they are written into a job. */
import type { JsonLine, JsonObject } from '../../domain/json-line.ts';

/** How requests are recognised and checked before anything is stored. Pure. */
export interface Dialect {
  /** The provider's native line as people know it, for messages: `{custom_id, method, url, body}`. */
  readonly form: string;
  /** The request in a line of this provider's native form; null where the line is of another form. */
  read(line: JsonLine): RequestDraft | null;
  /** What the body says of itself, and all that is wrong with it as far as we can know before submitting. */
  inspect(request: { endpoint: string; body: JsonObject }): Inspection;
}

/** A request as a caller wrote it. */
export interface RequestDraft {
  readonly customId: string | null;
  /** The endpoint that the line itself names; null where it names none. */
  readonly endpoint: string | null;
  /** The model that the line names beside the body; absent or null where it names none. */
  readonly model?: string | null;
  /** The verbatim JSON text of the body, an object. */
  readonly body: string;
  /** What is wrong with the line around the body, one sentence each (`method must be POST`); absent: nothing. */
  readonly problems?: readonly string[];
}

/** What `Dialect.inspect` found. */
export interface Inspection {
  readonly model: string | null;
  readonly agentId: string | null;
  /** One sentence each, naming the field from the body on (`body.stream must not be true`). */
  readonly problems: readonly string[];
}

/** How an item is written into a job. Pure; the body goes on as it came. */
export interface Encoding {
  /** What stands before and after the body in the item's line; `line = before + body + after`, no newline. */
  envelope(item: { key: string; endpoint: string }): { before: string; after: string };
  /** What the line adds around all lines together: separators and a frame, in bytes, for a job of `count`. */
  frameBytes(count: number): number;
}
