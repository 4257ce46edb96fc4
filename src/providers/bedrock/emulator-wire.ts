/** Answers in AWS's two forms (JSON of the control plane, XML of S3), its errors, and the check of who calls. */
import type { EmulatorAnswer, EmulatorRequest } from '../emulator/server.ts';

/** The one bucket there is, and everything that a connection needs beside the addresses. */
export const account = {
  bucket: 'batchql-emulated',
  region: 'us-east-1',
  number: '123456789012',
  roleArn: 'arn:aws:iam::123456789012:role/batchql-emulated',
  accessKeyId: 'AKIAEMULATED00000000',
  secretAccessKey: 'emulatedsecretaccesskey0123456789abcdefg',
} as const;

/** Below which path S3 is served. */
export const s3Path = '/s3';

/** A JSON answer with status 200. */
export const json = (value: unknown): EmulatorAnswer => ({ status: 200, body: JSON.stringify(value) });

/** The words of the control plane, with the status that carries each. */
const statuses = {
  ValidationException: 400,
  ConflictException: 400,
  ServiceQuotaExceededException: 400,
  AccessDeniedException: 403,
  UnrecognizedClientException: 403,
  InvalidSignatureException: 403,
  MissingAuthenticationTokenException: 403,
  ResourceNotFoundException: 404,
  UnknownOperationException: 404,
} as const;

/** A refusal of the control plane. Its word stands in a header, or in the body. */
export function refuse(
  word: keyof typeof statuses,
  message: string,
  place: 'header' | 'body' = 'header',
): EmulatorAnswer {
  return place === 'header'
    ? { status: statuses[word], headers: { 'x-amzn-errortype': word }, body: JSON.stringify({ message }) }
    : {
        status: statuses[word],
        body: JSON.stringify({ __type: `com.amazonaws.bedrock#${word}`, message }),
      };
}

/** An XML answer of S3. */
export const xml = (status: number, content: string): EmulatorAnswer => ({
  status,
  headers: { 'content-type': 'application/xml' },
  body: `<?xml version="1.0" encoding="UTF-8"?>\n${content}`,
});

/** A refusal of S3. */
export const refuseS3 = (status: number, code: string, message: string): EmulatorAnswer =>
  xml(status, `<Error>${element('Code', code)}${element('Message', message)}</Error>`);

/** An element with a text in it. */
export const element = (name: string, text: string | number | boolean): string =>
  `<${name}>${escaped(String(text))}</${name}>`;

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** The vendor's answer to a call that no route takes. */
export const unknownCall = ({ path }: EmulatorRequest): EmulatorAnswer =>
  isS3(path)
    ? refuseS3(501, 'NotImplemented', 'This call is not emulated.')
    : refuse('UnknownOperationException', 'There is no such operation.');

/** The vendor's 403 without the one access key. Signatures are not computed; whom and what they are for is read. */
export function guard({ headers, path }: EmulatorRequest): EmulatorAnswer | null {
  const [, accessKeyId, service] =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/\d{8}\/[a-z0-9-]+\/([a-z0-9]+)\/aws4_request,\s*SignedHeaders=\S+,\s*Signature=[0-9a-f]{64}$/.exec(
      headers.authorization ?? '',
    ) ?? [];
  const said =
    accessKeyId === undefined ? 'anonymous' : accessKeyId === account.accessKeyId ? 'known' : 'unknown';
  const expected = isS3(path) ? 's3' : 'bedrock';
  if (said === 'known' && service === expected) return null;
  if (isS3(path)) return s3Refusals[said];
  return said === 'known'
    ? refuse('InvalidSignatureException', `Credential should be scoped to correct service: '${expected}'.`)
    : controlRefusals[said];
}

const isS3 = (path: string): boolean => path === s3Path || path.startsWith(`${s3Path}/`);

const controlRefusals = {
  anonymous: refuse('MissingAuthenticationTokenException', 'Missing Authentication Token'),
  unknown: refuse('UnrecognizedClientException', 'The security token included in the request is invalid.'),
};

const s3Refusals = {
  anonymous: refuseS3(403, 'AccessDenied', 'Access Denied'),
  unknown: refuseS3(403, 'InvalidAccessKeyId', 'The AWS Access Key Id does not exist in our records.'),
  known: refuseS3(403, 'AuthorizationHeaderMalformed', 'The credential is for another service.'),
};
