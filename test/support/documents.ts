/** Documents and bodies that many tests send. */

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

/** A body that the named provider takes. */
export const bodyFor = (provider: string, text: string, directive = '') =>
  provider === 'anthropic' ? messageBody(text, directive) : chatBody(text, directive);
