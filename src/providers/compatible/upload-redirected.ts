/**
 * An upload in two steps, as some services have it: a form that describes the file is answered by a redirect and the
 * file's id, and its bytes are put to where the redirect leads, often a store of another company. The key stays with
 * the service; the bytes go nowhere else but over TLS.
 */
import { ProviderFailure } from '../failure.ts';
import { type HttpAnswer, streamedRequest } from '../http.ts';
import { connectionFailure } from '../http-failure.ts';
import type { FileUpload } from '../multipart.ts';

/**
 * Uploads the file and answers the id that the header of that name gave it. `refuse` makes the failure of an answer
 * that is none of those hoped for.
 */
export async function uploadRedirected(
  { url, headers, fields, content, contentBytes, signal, guard }: Omit<FileUpload, 'filename'>,
  idHeader: string,
  refuse: (answer: HttpAnswer) => ProviderFailure,
): Promise<string> {
  const described = await describe(url, { headers, fields: { ...fields, file_type: 'jsonl' }, signal });
  const { status } = described;
  const id = described.headers.get(idHeader);
  const location = described.headers.get('location');
  if (status < 300 || status > 399 || !id || !location) throw status < 400 ? unreadable() : refuse(described);
  const answer = await put(placeOf(location, url), { content, contentBytes, signal, guard });
  if (answer.status < 200 || answer.status > 299) throw refuse(answer);
  return id;
}

const describe = async (
  url: string,
  { headers, fields, signal }: Pick<FileUpload, 'headers' | 'fields' | 'signal'>,
): Promise<HttpAnswer> => {
  try {
    const body = new URLSearchParams(fields);
    const response = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal });
    return { status: response.status, headers: response.headers, text: await response.text() };
  } catch (error) {
    throw connectionFailure(error, { creates: false });
  }
};

const placeOf = (location: string, url: string): string => {
  const place = URL.parse(location, url);
  if (place === null || (place.protocol !== 'https:' && place.origin !== new URL(url).origin)) {
    throw new ProviderFailure('malformed', {
      code: 'unsafe_upload_url',
      message: 'The provider wants the file to be sent where it could be read on the way; it was not sent.',
    });
  }
  return place.href;
};

const put = async (
  url: string,
  { content, contentBytes, signal, guard }: Pick<FileUpload, 'content' | 'contentBytes' | 'signal' | 'guard'>,
): Promise<HttpAnswer> => {
  try {
    return await streamedRequest({
      method: 'PUT',
      url,
      headers: { 'content-type': 'application/octet-stream' },
      body: content,
      contentLength: contentBytes,
      signal,
      guard,
    });
  } catch (error) {
    // A file starts nothing, so that one which may have arrived is as harmless as one which has not.
    if (!(error instanceof ProviderFailure) || error.kind !== 'uncertain') throw error;
    throw new ProviderFailure('unavailable', error);
  }
};

const unreadable = (): ProviderFailure =>
  new ProviderFailure('malformed', {
    code: 'unreadable_answer',
    message: 'The provider answered an upload in a form that is not known here.',
  });
