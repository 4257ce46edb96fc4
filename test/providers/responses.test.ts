/** What an endpoint answered is found in the line of every provider, in the very characters of its body. */
import { describe, expect, it } from 'vitest';
import { providers } from '../../src/providers/registry.ts';

const body = '{ "n" : 12345678901234567890,"a":"\\u0061" }';
/** A line of each wire around a body, and what the line adds to it where the body is more than that. */
const lines: Readonly<Record<string, string>> = {
  anthropic: `{"custom_id":"a","result":{"type":"succeeded","message":${body}}}`,
  anyapi: `{"id":"1","custom_id":"a","response":{"status_code":200,"body":${body}},"error":null}`,
  bedrock: `{"recordId":"a","modelInput":{"x":1},"modelOutput":${body}}`,
  gemini: `{"key":"a","response":${body}}`,
  letta: body,
  mistral: `{"id":"1","custom_id":"a","response":{"status_code":200,"body":${body}},"error":null}`,
  openai: `{"id":"1","custom_id":"a","response":{"status_code":200,"body":${body}},"error":null}`,
  sync: body,
  xai: `{"batch_request_id":"a","batch_result":{"response":{"chat_get_completion":${body}}}}`,
};

const read = (name: string, line: string) =>
  providers.find((provider) => provider.name === name)?.decoding.readResponse(line);

describe.each(providers.map(({ name }) => name))('A line of %s', (name) => {
  it('holds an answer, which is told with status 200 and a body that nobody wrote anew', () => {
    expect(read(name, lines[name] ?? '')).toBe(`{"status_code":200,"body":${body}}`);
  });

  it.each(['', 'null', '[]', '{"custom_id":', '"text"'])('that is %j holds none', (line) => {
    expect(read(name, line)).toBeNull();
  });
});

describe('A line that tells no answer', () => {
  it.each([
    ['anthropic', '{"custom_id":"a","result":{"type":"expired"}}'],
    ['openai', '{"custom_id":"a","response":null,"error":{"code":"batch_expired"}}'],
    ['bedrock', '{"recordId":"a","error":{"errorCode":400,"errorMessage":"bad request"}}'],
    ['gemini', '{"key":"a","error":{"code":3,"message":"invalid"}}'],
    ['mistral', '{"custom_id":"a","response":null,"error":{"message":"x"}}'],
    ['xai', '{"batch_request_id":"a","batch_result":{"error":"x"}}'],
  ])('of %s has none', (name, line) => {
    expect(read(name, line)).toBeNull();
  });
});

it('A refusal with a status and a body is an answer, and a body that came as a text is read', () => {
  const response = '{"status_code":400,"request_id":"r","body":{"error":{"message":"No."}}}';
  expect(read('openai', `{"custom_id":"a","response":${response},"error":null}`)).toBe(response);
  const told = '{"custom_id":"a","response":{"status_code":422,"body":"{\\"a\\":1}"}}';
  expect(read('mistral', told)).toBe('{"status_code":422,"body":{"a":1}}');
});
