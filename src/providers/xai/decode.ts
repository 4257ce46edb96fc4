/**
 * How one of a batch's results is read. Text comes as a chat completion, whatever was asked for; the form of the
 * Responses API and images are read too. Never throws; a result that names its item and says nothing else that we
 * can read makes that item `ERRORED`. What went wrong is left to `decode-error.ts`.
 */
import { type Decimal, decimalOfCount, shifted } from '../../domain/decimal.ts';
import { isJsonObject, type JsonObject, type JsonValue, memberTexts } from '../../domain/json-line.ts';
import { countIn, memberIn, parsedObject, textAt, textIn } from '../../domain/json-reading.ts';
import { type Usage, unknownUsage } from '../../domain/usage.ts';
import { answered } from '../answered.ts';
import type { Decoding, Outcome } from '../provider.ts';
import { errored, readError } from './decode-error.ts';

/** Reads `{"batch_request_id":…,"batch_result":{"response":{"<kind>":…}}}` and the forms of an error. */
export const decoding: Decoding = {
  decode(line) {
    const value = parsedObject(line);
    if (value === null) return { kind: 'malformed', reason: 'the result is not a JSON object' };
    const { batch_request_id: key } = value;
    if (typeof key !== 'string') return { kind: 'malformed', reason: 'batch_request_id is not a string' };
    return { kind: 'result', key, outcome: readOutcome(value) };
  },
  readText(line) {
    const value = parsedObject(line);
    if (value === null || readOutcome(value).status !== 'SUCCEEDED') return null;
    const answer = answerIn(value);
    return answer && textOf(answer);
  },
  readResponse(line) {
    const response = textAt(line, ['batch_result', 'response']);
    const kinds = response?.startsWith('{') ? [...memberTexts(response).values()] : [];
    return answered(200, kinds.find((text) => text.startsWith('{')) ?? null);
  },
};

const readOutcome = (value: JsonObject): Outcome => {
  const error = readError(value);
  if (error !== null) return error;
  const answer = answerIn(value);
  return (answer && (refused(answer) ?? succeeded(answer))) ?? unreadable;
};

const unreadable = errored(
  'unreadable_result',
  'The provider answered in a form that is not known here.',
  false,
);

/** The answer, whatever the wrapper around it is called. */
const answerIn = ({ batch_result: result }: JsonObject): JsonObject | null => {
  const response = memberIn(result, 'response');
  const answers = isJsonObject(response) ? Object.values(response).filter(isJsonObject) : [];
  return answers[0] ?? null;
};

/** An answer that says of itself that it is none. */
const refused = (answer: JsonObject): Outcome | null => {
  const { object, status, error, data } = answer;
  if (typeof error === 'string' || isJsonObject(error)) {
    return readError({
      batch_result: { error: isJsonObject(error) ? error : { ...answer, message: error } },
    });
  }
  if (object === 'response' && status === 'failed') {
    return errored('response_failed', null, true, usageOf(answer));
  }
  const isBlocked =
    Array.isArray(data) && data.some((image) => memberIn(image, 'respect_moderation') === false);
  return isBlocked
    ? errored('content_policy', 'The provider has held back an image for its content.', false)
    : null;
};

/** An answer in one of the forms that are known; null where it is in none. */
const succeeded = (answer: JsonObject): Outcome | null => {
  const { choices, output, data } = answer;
  const isKnown = [choices, output, data].some((part) => Array.isArray(part) && part.length > 0);
  if (!isKnown) return null;
  return {
    status: 'SUCCEEDED',
    errorCode: null,
    errorMessage: null,
    retryable: null,
    stopReason: stopReasonOf(answer),
    usage: usageOf(answer),
    charged: chargedFor(answer),
  };
};

/** What the vendor took for an answer, which it counts in ticks. */
const chargedFor = ({ usage }: JsonObject): Decimal | null => {
  const ticks = countIn(memberIn(usage, 'cost_in_usd_ticks'));
  return ticks === null ? null : shifted(decimalOfCount(ticks), tickDigits);
};

/** A tick is 1e-10 US dollars. */
const tickDigits = 10;

/**
 * The turn that answers. What a search on the vendor's side did comes first, each step as a choice of its own: the
 * call, and under the role `tool` what came of it.
 */
const lastTurn = ({ choices }: JsonObject): JsonValue | undefined =>
  Array.isArray(choices)
    ? choices.filter((choice) => memberIn(memberIn(choice, 'message'), 'role') !== 'tool').at(-1)
    : undefined;

const stopReasonOf = (answer: JsonObject): string | null => {
  const { object, status, incomplete_details: incomplete } = answer;
  if (object === 'response') return textIn(memberIn(incomplete, 'reason')) ?? textIn(status);
  return textIn(memberIn(lastTurn(answer), 'finish_reason')) || null;
};

const textOf = (answer: JsonObject): string | null => {
  const { output } = answer;
  if (!Array.isArray(output)) return textIn(memberIn(memberIn(lastTurn(answer), 'message'), 'content'));
  const texts = output
    .flatMap((item) => {
      const content = memberIn(item, 'content');
      return Array.isArray(content) ? content : [];
    })
    .filter((part) => memberIn(part, 'type') === 'output_text')
    .map((part) => textIn(memberIn(part, 'text')) ?? '');
  return texts.length === 0 ? null : texts.join('');
};

const usageOf = ({ usage }: JsonObject): Usage => {
  if (!isJsonObject(usage)) return unknownUsage;
  const { prompt_tokens: prompt, completion_tokens: completion, total_tokens: total } = usage;
  const { input_tokens: input, output_tokens: output } = usage;
  const { prompt_tokens_details: promptDetails, completion_tokens_details: completionDetails } = usage;
  const { input_tokens_details: inputDetails, output_tokens_details: outputDetails } = usage;
  const cached = countIn(memberIn(inputDetails ?? promptDetails, 'cached_tokens'));
  const reasoning = countIn(memberIn(outputDetails ?? completionDetails, 'reasoning_tokens'));
  const answered = countIn(completion);
  return {
    ...unknownUsage,
    inputTokens: withCached(countIn(input) ?? countIn(prompt), cached),
    outputTokens:
      countIn(output) ??
      withReasoning(answered, reasoning, isAllOf(countIn(total), countIn(prompt), answered)),
    cachedInputTokens: cached,
    reasoningTokens: reasoning,
  };
};

/** Cached tokens are part of the input, unless there are more of them than of it. */
const withCached = (input: number | null, cached: number | null): number | null =>
  input !== null && cached !== null && cached > input ? input + cached : input;

/** A completion's tokens leave its reasoning out, unless the total says that they do not. */
const withReasoning = (answered: number | null, reasoning: number | null, isAll: boolean): number | null =>
  answered === null || isAll ? answered : answered + (reasoning ?? 0);

const isAllOf = (total: number | null, prompt: number | null, completion: number | null): boolean =>
  total !== null && total === (prompt ?? 0) + (completion ?? 0);
