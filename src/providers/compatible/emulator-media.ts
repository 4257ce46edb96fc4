/** What the endpoints of images and videos answer: the vendor's objects around the smallest picture there is. */
import type { JsonObject } from '../../domain/json-line.ts';
import { countTokens } from '../emulator/answers.ts';
import { promptText } from '../emulator/prompt.ts';
import type { EndpointCall } from './emulator-call.ts';

/** As many images as were asked for, generated or edited. */
export function answerImages({ body, at }: EndpointCall): JsonObject {
  const { prompt, n, images } = body;
  const count = Math.min(typeof n === 'number' ? n : 1, imagesMax);
  const textTokens = countTokens(promptText(prompt));
  const imageTokens = Array.isArray(images) ? images.length * tokensOfImage : 0;
  const outputTokens = count * tokensOfImage;
  return {
    created: at,
    background: 'opaque',
    data: Array.from({ length: count }, () => ({ b64_json: pixel })),
    output_format: 'png',
    quality: 'low',
    size: '1024x1024',
    usage: {
      input_tokens: textTokens + imageTokens,
      input_tokens_details: { image_tokens: imageTokens, text_tokens: textTokens },
      output_tokens: outputTokens,
      total_tokens: textTokens + imageTokens + outputTokens,
    },
  };
}

/** A video that is done. In a batch the answer comes when there is nothing left to wait for. */
export function answerVideo({ body, id, at }: EndpointCall): JsonObject {
  const { model = null, prompt = null, size = '720x1280', seconds = '4' } = body;
  return {
    id: `video_${id}`,
    object: 'video',
    model,
    status: 'completed',
    progress: 100,
    created_at: at,
    completed_at: at,
    expires_at: at + downloadableSeconds,
    prompt,
    size,
    seconds,
    remixed_from_video_id: null,
    error: null,
  };
}

const imagesMax = 10;
const tokensOfImage = 272;
/** Videos of a batch can be downloaded for a day. */
const downloadableSeconds = 24 * 60 * 60;

/** A PNG of one transparent pixel. */
const pixel =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==';
