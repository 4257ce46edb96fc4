/** The requests that the upload row sends: a kilobyte each as a line, no two alike, the same in every run. */
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';

/** Whose form the lines have, and where they are for. */
export const provider = 'openai';
/** The endpoint that each line names. */
export const endpoint = '/v1/chat/completions';
/** The model that each body names. */
export const model = 'gpt-5-mini';

const lineBytes = 1024;
const words =
  'the review of this product says that it came on time and works as it should although the box was damaged'.split(
    ' ',
  );

/** A request by its number, from 0. */
export interface Request {
  readonly customId: string;
  readonly body: string;
}

/** So many requests. */
export function* requests(count: number): Generator<Request> {
  for (let at = 0; at < count; at += 1) {
    const customId = `review-${String(at).padStart(8, '0')}`;
    const bodyOf = (content: string) =>
      JSON.stringify({
        model,
        messages: [
          { role: 'system', content: 'Say in one word whether a review is "good", "bad" or "mixed".' },
          { role: 'user', content },
        ],
        max_completion_tokens: 16,
      });
    const room = lineBytes - 1 - lineOf({ customId, body: bodyOf('') }).length;
    let content = '';
    for (let word = at; content.length < room; word += 1 + (at % 7))
      content += `${words[word % words.length]} `;
    yield { customId, body: bodyOf(content.slice(0, room)) };
  }
}

/** A request as a line of the file, without its end. */
export const lineOf = ({ customId, body }: Request): string =>
  `{"custom_id":"${customId}","method":"POST","url":"${endpoint}","body":${body}}`;

/** Writes a file of so many requests. */
export async function writeRequests(path: string, count: number): Promise<void> {
  await pipeline(function* () {
    let piece = '';
    for (const request of requests(count)) {
      piece += `${lineOf(request)}\n`;
      if (piece.length < 1024 * 1024) continue;
      yield piece;
      piece = '';
    }
    yield piece;
  }, createWriteStream(path));
}
