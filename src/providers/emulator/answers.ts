/**
 * What an emulated model answers: a plausible text that follows from the prompt alone, with token counts. Pure.
 *
 * Owned here: the words and their price in tokens. Left to the vendors' emulators: finding the prompt and the
 * wished-for format in a body, and wrapping the answer.
 */
import type { JsonObject } from '../../domain/json-line.ts';
import { createDice, seedOf } from './chance.ts';
import { fulfilSchema } from './schema.ts';

/** A question to the emulated model. */
export interface Question {
  /** All text of the prompt, in order: system, messages, input. */
  readonly prompt: string;
  /** What the answer must be: JSON of a schema, any JSON, or text (JSON too, where the prompt asks for it). */
  readonly format: { readonly schema: JsonObject } | 'json' | 'text';
  /** The longest answer in tokens; null where the request names none. */
  readonly outputTokensMax: number | null;
}

/** An answer, and what it cost. */
export interface Answer {
  readonly text: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Whether the answer was cut at `outputTokensMax`. */
  readonly cut: boolean;
}

/** The answer; the same for the same question. A cut one may be torn JSON, as a model's would be. */
export function answerTo({ prompt, format, outputTokensMax }: Question): Answer {
  const whole = compose(prompt, format);
  const tokens = countTokens(whole);
  const cut = outputTokensMax !== null && tokens > outputTokensMax;
  const text = cut ? whole.slice(0, outputTokensMax * charactersPerToken) : whole;
  return { text, inputTokens: countTokens(prompt), outputTokens: countTokens(text), cut };
}

/** A vector of unit length that follows from the text, as an embedding model would give. */
export function embeddingOf(text: string, dimensions: number): number[] {
  const throwDice = createDice(seedOf(text));
  const raw = Array.from({ length: dimensions }, () => throwDice(2_000_001) / 1_000_000 - 1);
  const length = Math.hypot(...raw) || 1;
  return raw.map((number) => Number((number / length).toFixed(6)));
}

/** How many tokens a text is, roughly; at least one. */
export const countTokens = (text: string): number => Math.max(1, Math.ceil(text.length / charactersPerToken));

const charactersPerToken = 4;

const compose = (prompt: string, format: Question['format']): string => {
  const throwDice = createDice(seedOf(prompt));
  if (typeof format === 'object') return JSON.stringify(fulfilSchema(format.schema, prompt));
  const category = pick(categoriesIn(prompt), throwDice);
  if (format === 'json' || /\bjson\b/i.test(prompt)) {
    return JSON.stringify(category === null ? { answer: sentences(prompt, throwDice) } : { category });
  }
  return category ?? sentences(prompt, throwDice);
};

/** The categories that a prompt lists as `one of: a, b, c`; quotes, brackets and a final `or` are forgiven. */
const categoriesIn = (prompt: string): string[] => {
  const list = /\bone of(?: the following)?:?\s+([^.\n]+)/i.exec(prompt)?.[1] ?? '';
  const words = list
    .split(/,|;|\||\bor\b/)
    .map((word) => word.replace(/^[\s"'`([{]+|[\s"'`)\]}:]+$/g, ''))
    .filter((word) => word !== '');
  return words.length > 1 ? words : [];
};

const openings = [
  'Here is a short answer',
  'In brief',
  'The gist is this',
  'A fair summary would be',
  'Looking at it closely',
];
const middles = [
  'the main point stands on its own',
  'three things matter more than the rest',
  'the evidence points in one direction',
  'the details support a simple reading',
  'there is little that contradicts it',
];
const closings = [
  'Nothing else needs to be done.',
  'The rest follows from that.',
  'I would start there.',
  'This is an emulated answer.',
  'A second look would not change it.',
];

const sentences = (prompt: string, throwDice: (sides: number) => number): string => {
  const subject = prompt
    .trim()
    .split(/\s+/)
    .slice(-6)
    .join(' ')
    .replace(/[.?!:]+$/, '');
  const about = subject === '' ? '' : ` on "${subject}"`;
  return `${pick(openings, throwDice)}${about}: ${pick(middles, throwDice)}. ${pick(closings, throwDice)}`;
};

const pick = (from: readonly string[], throwDice: (sides: number) => number): string | null =>
  from[throwDice(Math.max(1, from.length))] ?? null;
