/** What the endpoint of moderations answers: a verdict for each input, which follows from its text. */
import type { JsonObject } from '../../domain/json-line.ts';
import { createDice, seedOf } from '../emulator/chance.ts';
import { promptText } from '../emulator/prompt.ts';
import type { EndpointCall } from './emulator-call.ts';

/** A verdict for each input. */
export function answerModerations({ body, id }: EndpointCall): JsonObject {
  const { input, model = null } = body;
  const texts = Array.isArray(input) ? input.map(promptText) : [promptText(input)];
  return { id: `modr-${id}`, model, results: texts.map(verdict) };
}

const verdict = (text: string): JsonObject => {
  const throwDice = createDice(seedOf(text));
  const scores = categories.map((category) => [category, throwDice(1000) / 1000] as const);
  const flags = scores.map(([category, score]) => [category, score > flaggedAbove] as const);
  return {
    flagged: flags.some(([, flag]) => flag),
    categories: Object.fromEntries(flags),
    category_scores: Object.fromEntries(scores),
    category_applied_input_types: Object.fromEntries(categories.map((category) => [category, ['text']])),
  };
};

const flaggedAbove = 0.95;

const categories = [
  'harassment',
  'harassment/threatening',
  'hate',
  'hate/threatening',
  'illicit',
  'illicit/violent',
  'self-harm',
  'self-harm/intent',
  'self-harm/instructions',
  'sexual',
  'sexual/minors',
  'violence',
  'violence/graphic',
];
