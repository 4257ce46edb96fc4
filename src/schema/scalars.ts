/** The scalars of the schema: what each looks like on the wire, and what is refused. */
import { GraphQLError } from 'graphql';
import { z } from 'zod';
import { decimalPattern } from '../domain/decimal.ts';
import { isUuid } from '../domain/ids.ts';
import type { JsonValue } from '../domain/json-line.ts';
import { momentText } from '../domain/moment-text.ts';
import { isDay } from '../domain/month.ts';
import { builder } from './builder.ts';

const refuse = (message: string): never => {
  throw new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT' } });
};

builder.scalarType('DateTime', {
  description: 'A moment in UTC with milliseconds, such as `2026-11-23T10:00:00.000Z`.',
  specifiedByURL: 'https://scalars.graphql.org/andimarek/date-time.html',
  serialize: momentText,
  parseValue: (value) => {
    const text = z.iso.datetime({ offset: true }).safeParse(value);
    const date = new Date(text.data ?? '');
    // Postgres and JavaScript write only these years alike.
    return date.getUTCFullYear() >= 1 && date.getUTCFullYear() <= 9999
      ? date
      : refuse('A DateTime is text with its offset, such as "2026-11-23T10:00:00Z".');
  },
});

builder.scalarType('Date', {
  description: 'A day in UTC, such as `2026-11-23`.',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc3339#section-5.6',
  serialize: (value) => value,
  parseValue: (value) => (isDay(value) ? value : refuse('A Date is text, such as "2026-11-23".')),
});

builder.scalarType('JSON', {
  description:
    'Any JSON value. Numbers pass through JSON parsing, so integers beyond 2^53 do not survive here; JSONL keeps them.',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc8259',
  serialize: (value) => value,
  parseValue: (value) => value as JsonValue,
});

builder.scalarType('BigInt', {
  description: 'A whole number that may pass 2^31 and stays below 2^53, as a JSON number: tokens, bytes.',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc7493#section-2.2',
  serialize: (value) => value,
  parseValue: (value) =>
    typeof value === 'number' && Number.isSafeInteger(value)
      ? value
      : refuse('A BigInt is a whole number between -(2^53 - 1) and 2^53 - 1.'),
});

builder.scalarType('Decimal', {
  description: 'An exact decimal number as text, such as `"0.00125"`: money. No digit is lost on the way.',
  specifiedByURL: 'https://www.w3.org/TR/xmlschema11-2/#decimal',
  serialize: (value) => value,
  parseValue: (value) =>
    typeof value === 'string' && decimalPattern.test(value)
      ? value
      : refuse('A Decimal is text of digits, such as "0.25".'),
});

builder.scalarType('URL', {
  description: 'An absolute URL.',
  specifiedByURL: 'https://url.spec.whatwg.org/',
  serialize: (value) => value,
  parseValue: (value) =>
    typeof value === 'string' && URL.canParse(value) ? value : refuse('A URL is absolute.'),
});

builder.scalarType('UUID', {
  description: 'A UUID in lower case.',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc9562',
  serialize: (value) => value,
  parseValue: (value) => (typeof value === 'string' && isUuid(value) ? value : refuse('This is not a UUID.')),
});

builder.scalarType('File', {
  description:
    'A file, sent as multipart by the GraphQL multipart request specification. Its bytes are kept as they are.',
  specifiedByURL: 'https://github.com/jaydenseric/graphql-multipart-request-spec',
  serialize: () => refuse('A File can only be sent.'),
  parseValue: (value) => (isFile(value) ? value : refuse('A File is sent as a part of a multipart request.')),
});

/** The HTTP server has a class of its own for files, none of which is an instance of Node's. */
const isFile = (value: unknown): value is File =>
  typeof value === 'object' &&
  value !== null &&
  'size' in value &&
  'arrayBuffer' in value &&
  typeof value.arrayBuffer === 'function';
