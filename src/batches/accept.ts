/**
 * Turns what a caller sent into items that can be stored, or into a list of everything that is wrong with it:
 * which request or line, and why. All or nothing: one bad line among a thousand and nothing is stored. Touches
 * neither database nor provider; whether a custom id is taken already is asked by `add-requests.ts`.
 */

import type { ItemRow } from '../db/tables/items.ts';
import type { RequestsInput } from '../domain/batch-input.ts';
import { customIdSchema, defaultCustomId, isPlainCustomId } from '../domain/custom-id.ts';
import type { JsonObject } from '../domain/json-line.ts';
import { longestLine } from '../domain/splitting.ts';
import { estimateTokens, type TokenEstimate } from '../domain/token-estimate.ts';
import { type Issue, ValidationError } from '../errors.ts';
import { lineBytesBound, lineBytesOf } from './line-bytes.ts';
import {
  describe,
  type KnownForms,
  type Place,
  type ReadDraft,
  readDrafts,
  subject,
} from './request-drafts.ts';

/** What the requests of a batch have in common. */
export interface BatchDefaults extends KnownForms {
  readonly endpoint: string;
  /** The model of requests that name none; where bodies name models, it is written into them as their first member. */
  readonly model: string | null;
  /** Whether every request must say what it is called, because its provider's results name it so. */
  readonly needsCustomIds?: boolean;
}

/** A request that passed every rule, at its position. */
export type AcceptedItem = Omit<ItemRow, 'batchId' | 'createdAt'>;

/** An accepted request, where it stood, and what it is thought to use. */
export interface PlacedItem {
  readonly item: AcceptedItem;
  readonly place: Place;
  /** What it is thought to use; null where nobody can tell. */
  readonly tokens: TokenEstimate | null;
}

/**
 * The items in `requests`, numbered from `firstPosition` on. Throws `ValidationError` with every issue found
 * (the first hundred are listed): unreadable lines, another provider's form, bad bodies, ids used twice.
 */
export function acceptRequests(
  requests: RequestsInput,
  defaults: BatchDefaults,
  firstPosition: number,
): readonly PlacedItem[] {
  const issues: Issue[] = [];
  const accepted: PlacedItem[] = [];
  const placeOfId = new Map<string, Place>();
  for (const { draft, place } of readDrafts(requests, defaults, issues)) {
    const read = acceptDraft(draft, defaults, firstPosition + accepted.length, place, issues);
    if (read === null) continue;
    const { item, tokens } = read;
    const earlier = placeOfId.get(item.customId);
    if (earlier !== undefined)
      issues.push(duplicateIssue(place, `the same customId as ${describe(earlier)}`));
    placeOfId.set(item.customId, earlier ?? place);
    accepted.push({ item, place, tokens });
  }
  if (issues.length > 0) throw new ValidationError(issues);
  return accepted;
}

/** The issue of a customId that cannot be taken; ids may be long or private, so the message does not quote it. */
export const duplicateIssue = (place: Place, than: string): Issue => ({
  path: [...place.path, 'customId'],
  line: place.line,
  message: `${subject(place)} has ${than}; customIds are unique within a batch.`,
});

/** The item, or null with the issues that stand against it. */
export function acceptDraft(
  draft: ReadDraft,
  { provider, endpoint: defaultEndpoint, model: defaultModel, needsCustomIds = false }: BatchDefaults,
  position: number,
  place: Place,
  issues: Issue[],
): Pick<PlacedItem, 'item' | 'tokens'> | null {
  const before = issues.length;
  for (const problem of draft.problems ?? []) {
    issues.push({ ...place, message: `${subject(place)}: ${problem}.` });
  }
  const report = (field: string, message: string) =>
    issues.push({
      path: [...place.path, field],
      line: place.line,
      message: `${subject(place)}: ${message}`,
    });
  const customId = draft.customId ?? defaultCustomId(position);
  if (!isPlainCustomId(customId)) {
    const { error } = customIdSchema.safeParse(customId);
    if (error !== undefined) report('customId', error.issues[0]?.message ?? 'customId is invalid.');
  }
  if (needsCustomIds && draft.customId === null) {
    report('customId', "customId must be given: the provider's results name the request by it.");
  }
  const endpoint = draft.endpoint ?? defaultEndpoint;
  if (!provider.endpoints.includes(endpoint)) {
    report('endpoint', `endpoint must be one of ${provider.endpoints.join(', ')}.`);
    // Nothing more can be said of a body that is for nowhere.
    return null;
  }
  const named = draft.model ?? defaultModel;
  if (provider.modelPlace === 'NONE' && named !== null) {
    report('model', `a request for ${provider.title} names no model.`);
  }
  if (provider.modelPlace === 'JOB' && (named === null || named === '' || !isStorableName(named))) {
    report('model', `a model must be named for ${provider.title}: the request's own, or the batch's.`);
  }
  const { text, body } = withModel(draft, provider.modelPlace === 'BODY' ? named : null);
  const inspection = provider.dialect.inspect({ endpoint, body });
  for (const problem of inspection.problems) report('body', `${problem}.`);
  for (const [field, value] of [
    ['model', inspection.model] as const,
    ['agentId', inspection.agentId] as const,
  ]) {
    if (value !== null && !isStorableName(value)) {
      report('body', `its ${field} must be at most ${nameLengthMax} characters, without the character NUL.`);
    }
  }
  const bytes = Buffer.byteLength(text);
  const lineBytesMax = longestLine({ limits: provider.limits, frameBytes: provider.encoding.frameBytes });
  if (lineBytesBound(provider, { endpoint, bytes }) > lineBytesMax) {
    const lineBytes = lineBytesOf(provider, { position, endpoint, bytes });
    if (lineBytes > lineBytesMax) {
      report('body', `it takes ${lineBytes} bytes as a line; ${provider.title} allows ${lineBytesMax}.`);
    }
  }
  if (issues.length > before) return null;
  const item = {
    position,
    customId,
    endpoint,
    model: provider.modelPlace === 'JOB' ? named : inspection.model,
    agentId: inspection.agentId,
    bytes,
    request: text,
  };
  return { item, tokens: estimateTokens(body) };
}

const nameLengthMax = 512;

/** Whether a name that stands in a body can be kept beside it. */
const isStorableName = (text: string): boolean =>
  text.length <= nameLengthMax && text.isWellFormed() && !text.includes('\0');

/** The body with the batch's model as its first member, where it names none itself; else untouched. */
function withModel(
  { body: text, value: body }: ReadDraft,
  model: string | null,
): { text: string; body: JsonObject } {
  if (model === null || Object.hasOwn(body, 'model')) return { text, body };
  const rest = text.slice(text.indexOf('{') + 1);
  const separator = Object.keys(body).length === 0 ? '' : ',';
  return { text: `{"model":${JSON.stringify(model)}${separator}${rest}`, body: { model, ...body } };
}
