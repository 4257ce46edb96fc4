/**
 * `PUT /uploads/<uuid>/<secret>`: the file of an upload, JSON lines of any size, also gzip. The URL is the key: whoever
 * has it may send one file, and nothing else. What becomes of the file is `batches/upload.ts`.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { admitUpload, hashOfSecret, takeUpload, type UploadTicket } from '../batches/upload.ts';
import type { SentFile } from '../batches/upload-body.ts';
import { UploadBroken, type UploadRefusal } from '../batches/upload-broken.ts';
import type { AdmittedUpload } from '../db/queries/uploads.ts';
import type { UploadRow } from '../db/tables/uploads.ts';
import { isUuid } from '../domain/ids.ts';
import { AppError, type AppErrorCode, RateLimitedError } from '../errors.ts';
import { peerAddress } from './client-address.ts';
import type { ApiOptions } from './graphql.ts';
import { answerJson } from './plain-answer.ts';
import { chargeRequest, rateLimitHeaders } from './rate-limiting.ts';
import { drainRest } from './receiving-limit.ts';

/** Whether this is where files are sent, which may take as long as they take. */
export const isUploadPath = (path: string): boolean => path.startsWith('/uploads/');

/**
 * Answers the upload with 200 where its requests are taken, also where they were before; 422 with the lines that cannot
 * be, 404 for a URL that is worth nothing (any more), 409 where the batch takes nothing or another file is on its way,
 * 400 and 408 for a file that does not come whole, 413 for one beyond a quota, 415 for an encoding other than gzip, 429
 * beyond a limit of the key that asked for it. False for other paths.
 */
export async function answerUpload(
  request: IncomingMessage,
  response: ServerResponse,
  options: Admitting,
): Promise<boolean> {
  const [, id, secret] = /^\/uploads\/([^/?]+)\/([\w-]+)$/.exec(request.url ?? '') ?? [];
  if (id === undefined || secret === undefined) return false;
  const refuse = (status: number, code: string, message: string, more: object = {}) =>
    answerEarly(request, response, status, { error: { code, message, ...more } });
  if (request.method !== 'PUT') {
    response.setHeader('allow', 'PUT');
    refuse(405, 'METHOD_NOT_ALLOWED', 'Files are sent by PUT.');
    return true;
  }
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity' && encoding !== 'gzip') {
    refuse(415, 'UNSUPPORTED_ENCODING', 'Content-Encoding must be gzip, or left out.');
    return true;
  }
  try {
    const admitted = await admit(request, response, options, { id, secret });
    if (admitted === null) refuse(404, 'NOT_FOUND', 'There is no upload with this id.');
    else {
      const upload = await takeUpload(options.services, admitted, fileIn(request, encoding));
      if (upload.status === 'COMPLETED') answerEarly(request, response, 200, shown(upload));
      else refuseFailed(upload, refuse);
    }
  } catch (error) {
    if (error instanceof UploadBroken) refuse(statuses[error.reason], error.reason, error.message);
    else if (error instanceof RateLimitedError) {
      response.setHeader('retry-after', String(error.retryAfterSeconds));
      refuse(429, error.code, error.message);
    } else if (error instanceof AppError) refuse(statusOf(error.code), error.code, error.message);
    else throw error;
  }
  return true;
}

type Admitting = Pick<ApiOptions, 'services' | 'clientAddress'>;

/**
 * The upload of a URL, whose key pays for the request and is told what is left of its limits; null where it is worth
 * nothing, which counts as a wrong key does. Throws `RateLimitedError`.
 */
async function admit(
  request: IncomingMessage,
  response: ServerResponse,
  { services, clientAddress = peerAddress }: Admitting,
  ticket: UploadTicket,
): Promise<AdmittedUpload | null> {
  const { signIns, counter } = services.rates;
  const lookUp = async () => (isUuid(ticket.id) ? admitUpload(services, ticket) : null);
  const admitted = await signIns.trying(clientAddress(request), hashOfSecret(ticket.secret), lookUp);
  if (admitted === null) return null;
  const { organizationId, createdBy: apiKeyId } = admitted.upload;
  const caller = { organizationId, apiKeyId };
  const tell = async () => {
    const headers = rateLimitHeaders(await counter.standing(caller));
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  };
  await chargeRequest(services, caller).finally(tell);
  return admitted;
}

const statuses = {
  ABORTED: 400,
  STALLED: 408,
  BAD_GZIP: 400,
  BATCH_CLOSED: 409,
  KEY_REVOKED: 401,
  BUSY: 409,
  QUOTA_EXCEEDED: 413,
  INVALID: 422,
  LOST: 409,
} as const satisfies Record<UploadRefusal, number>;

const statusOf = (code: AppErrorCode): number => (code === 'NOT_FOUND' ? 404 : 409);

function fileIn(request: IncomingMessage, encoding: SentFile['encoding']): SentFile {
  const { 'content-length': length } = request.headers;
  return {
    bytesExpected: length === undefined ? null : Number(length),
    encoding,
    // A file that is given up leaves the connection to the answer.
    pieces: request.iterator({ destroyOnReturn: false }),
  };
}

function refuseFailed(
  upload: UploadRow,
  refuse: (status: number, code: string, message: string, more?: object) => void,
): void {
  const reason = upload.errorCode ?? 'LOST';
  refuse(statuses[reason], reason, upload.errorMessage ?? '', shown(upload));
}

/** What is told of an upload here; the names are those of the schema. */
const shown = ({
  id,
  batchId,
  status,
  dryRun: isDryRun,
  bytes,
  lines,
  requests,
  issues,
  issueCount,
  findings,
}: UploadRow) => ({
  upload: { uuid: id, batch: batchId, status, isDryRun, bytes, lines, requests, issues, issueCount },
  ...(findings === null ? {} : { dryRun: findings }),
});

/** Answers at once, also while the file is still being sent. */
function answerEarly(request: IncomingMessage, response: ServerResponse, status: number, body: object): void {
  if (response.destroyed) return;
  answerJson(response, status, body);
  drainRest(request);
}
