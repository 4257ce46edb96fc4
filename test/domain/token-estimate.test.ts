import { describe, expect, it } from 'vitest';
import { estimateTokens } from '../../src/domain/token-estimate.ts';

const chat = (content: unknown, more = {}) =>
  JSON.parse(JSON.stringify({ model: 'm', messages: [{ role: 'user', content }], ...more }));

/** Texts, and how many tokens OpenAI's o200k encoding makes of them. */
const counted: [string, string, number][] = [
  ['prose', 'The quick brown fox jumps over the lazy dog. '.repeat(20), 201],
  ['digits', '3141592653589793238462643383279502884197'.repeat(5), 67],
  ['another script', '吾輩は猫である。名前はまだ無い。'.repeat(10), 140],
  ['long words of one script', 'Привет, как дела сегодня? '.repeat(20), 141],
  ['symbols', '😀🎉'.repeat(50), 150],
];

describe('The tokens of a request', () => {
  it.each(counted)('are estimated between bounds that hold: %s', (_, text, tokens) => {
    const estimate = estimateTokens({ input: text });
    expect(estimate?.inputLow).toBeLessThanOrEqual(tokens);
    expect(estimate?.inputHigh).toBeGreaterThanOrEqual(tokens);
  });

  it('are known of a long text of words that are nearly as long as what is no word, and not of one more letter', () => {
    const words = `${'x'.repeat(1023)} `.repeat(3);
    expect(estimateTokens({ input: words })).not.toBeNull();
    expect(estimateTokens({ input: `${words}  ${'x'.repeat(1023)}` })).not.toBeNull();
    expect(estimateTokens({ input: `${words}x${'x'.repeat(1023)} ${words}` })).toBeNull();
  });

  it('are at least none, and never more at the low end than at the high', () => {
    expect(estimateTokens({})).toEqual({ inputLow: 0, inputHigh: 16, outputMax: null });
    expect(estimateTokens(chat(''))).toEqual({ inputLow: 0, inputHigh: 43, outputMax: null });
  });

  it.each<[string, object, number | null]>([
    ['chat completions', { max_completion_tokens: 100 }, 100],
    ['the older field', { max_tokens: 100 }, 100],
    ['responses', { max_output_tokens: 100 }, 100],
    ['several answers', { max_tokens: 100, n: 3 }, 300],
    ['Gemini', { generationConfig: { maxOutputTokens: 100, candidateCount: 2 } }, 200],
    ['Converse', { inferenceConfig: { maxTokens: 100 } }, 100],
    ['Titan', { textGenerationConfig: { maxTokenCount: 100 } }, 100],
    ['no bound', {}, null],
    ['a bound that is none', { max_tokens: 'many' }, null],
  ])('of an answer are bounded by the body: %s', (_, more, outputMax) => {
    expect(estimateTokens(chat('x', more))).toMatchObject({ outputMax });
  });

  it.each<[string, object]>([
    ['an image by its URL', chat([{ type: 'image_url', image_url: { url: 'https://example.com/cat.png' } }])],
    ['an image in the request', chat([{ type: 'image', source: { type: 'base64', data: 'aGk=' } }])],
    ['a document', chat([{ type: 'document', source: { type: 'text', data: 'x' } }])],
    ['a sound', chat([{ type: 'input_audio', input_audio: { data: 'aGk=' } }])],
    ['a file of Gemini', { contents: [{ parts: [{ fileData: { fileUri: 'files/x' } }] }] }],
    ['a data URL', { video: 'data:video/mp4;base64,AAAA' }],
    ['a long text without any space', { input: 'QUJD'.repeat(1000) }],
  ])('are unknown where the input is more than text: %s', (_, body) => {
    expect(estimateTokens(JSON.parse(JSON.stringify(body)))).toBeNull();
  });
});
