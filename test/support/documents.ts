/** Documents and bodies that many tests send. */
import type { JsonObject } from '../../src/domain/json-line.ts';
import { findProvider } from '../../src/providers/registry.ts';

/** Creates a batch and answers what tests look at, whichever member of the union comes. */
export const createBatchDocument = `mutation Create($input: CreateBatchInput!) {
  createBatch(input: $input) {
    __typename
    ... on CreateBatchPayload { batch { id uuid status version counts { total pending submitted } } }
    ... on Error { code message }
    ... on ValidationError { issues { path line message } }
    ... on ProviderNotConfiguredError { provider setting }
  }
}`;

/** A request body for OpenAI's chat completions; `directive` is read by the emulator (`emulate:errored`, …). */
export const chatBody = (text: string, directive = '') => ({
  model: 'gpt-5-mini',
  messages: [{ role: 'user', content: `${text} ${directive}`.trim() }],
});

/** A request body for Anthropic's messages. */
export const messageBody = (text: string, directive = '') => ({
  model: 'claude-haiku-4-5',
  max_tokens: 64,
  messages: [{ role: 'user', content: `${text} ${directive}`.trim() }],
});

/** A body that the named provider takes; of a service that only settings know, one of OpenAI's. */
export function bodyFor(provider: string, text: string, directive = '', index = 0): JsonObject {
  if (provider === 'anthropic') return messageBody(text, directive);
  const example = provider === 'openai' ? undefined : findProvider(provider)?.example;
  if (example === undefined) return chatBody(text, directive);
  return example.body({ prompt: `${text} ${directive}`.trim(), index, model: example.model });
}

/** The model that a batch for the provider must name; none where its bodies name it, or nothing does. */
export function modelFor(provider: string): { readonly model?: string } {
  const known = findProvider(provider);
  return known?.modelPlace === 'JOB' && known.example.model !== null ? { model: known.example.model } : {};
}
