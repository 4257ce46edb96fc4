/**
 * The objects of the Message Batches wire, as far as anything here reads them. Reading is lenient: only what
 * the protocol cannot do without makes an answer unreadable; whatever else is missing is null.
 */
import { isJsonObject, type JsonValue } from '../../domain/json-line.ts';
import { instantIn, parsedJson, textIn } from '../../domain/json-reading.ts';

/** The vendor's batch object. It has no name, metadata, model, usage or error. */
export interface MessageBatch {
  readonly id: string;
  /** `in_progress`, `canceling` or `ended`; or a word that is new to us. */
  readonly processingStatus: string;
  /** Null where the five counts cannot be read. */
  readonly requestCounts: RequestCounts | null;
  readonly createdAt: Date | null;
  readonly expiresAt: Date | null;
  readonly endedAt: Date | null;
  readonly cancelInitiatedAt: Date | null;
  /** When the results were taken away; the batch object outlives them. */
  readonly archivedAt: Date | null;
  readonly resultsUrl: string | null;
}

/** How many requests are in which state. Everything but `processing` is zero until the whole batch has ended. */
export interface RequestCounts {
  readonly processing: number;
  readonly succeeded: number;
  readonly errored: number;
  readonly canceled: number;
  readonly expired: number;
}

/** One page of the list of batches, newest first. */
export interface MessageBatchPage {
  readonly batches: readonly MessageBatch[];
  readonly hasMore: boolean;
  /** What to hand back as `after_id` for the next page. */
  readonly lastId: string | null;
}

/** Reads a batch; null where the text is none. */
export function readMessageBatch(text: string): MessageBatch | null {
  return toMessageBatch(parsedJson(text));
}

/** Reads a page of the list; null where the text is none, or one of its batches is not. */
export function readMessageBatchPage(text: string): MessageBatchPage | null {
  const page = parsedJson(text);
  if (!isJsonObject(page)) return null;
  const { data, has_more: hasMore, last_id: lastId } = page;
  if (!Array.isArray(data)) return null;
  const batches = data.map(toMessageBatch);
  if (!batches.every((batch) => batch !== null)) return null;
  return { batches, hasMore: hasMore === true, lastId: textIn(lastId) };
}

/** How many requests a batch was given; the counts always add up to it. */
export const requestTotal = (counts: RequestCounts): number =>
  counts.processing + counts.succeeded + counts.errored + counts.canceled + counts.expired;

/** The code and the sentence of an error answer; null where it has none. The cause's own code goes before its type. */
export function readErrorAnswer(text: string): { code: string | null; message: string | null } {
  const answer = parsedJson(text);
  const { error } = isJsonObject(answer) ? answer : {};
  const { type, message, details } = isJsonObject(error) ? error : {};
  const { error_code: cause } = isJsonObject(details) ? details : {};
  return { code: textIn(cause) ?? textIn(type), message: textIn(message) };
}

const toMessageBatch = (value: unknown): MessageBatch | null => {
  if (!isJsonObject(value)) return null;
  const { id, processing_status: processingStatus, request_counts: requestCounts } = value;
  const { created_at: createdAt, expires_at: expiresAt, ended_at: endedAt } = value;
  const { cancel_initiated_at: cancelInitiatedAt, archived_at: archivedAt, results_url: resultsUrl } = value;
  if (typeof id !== 'string' || id === '' || typeof processingStatus !== 'string') return null;
  return {
    id,
    processingStatus,
    requestCounts: toCounts(requestCounts),
    createdAt: instantIn(createdAt),
    expiresAt: instantIn(expiresAt),
    endedAt: instantIn(endedAt),
    cancelInitiatedAt: instantIn(cancelInitiatedAt),
    archivedAt: instantIn(archivedAt),
    resultsUrl: textIn(resultsUrl),
  };
};

const toCounts = (value: JsonValue | undefined): RequestCounts | null => {
  if (!isJsonObject(value)) return null;
  const { processing, succeeded, errored, canceled, expired } = value;
  if (typeof processing !== 'number' || typeof succeeded !== 'number' || typeof errored !== 'number')
    return null;
  if (typeof canceled !== 'number' || typeof expired !== 'number') return null;
  return { processing, succeeded, errored, canceled, expired };
};
