/**
 * The lines of downloads, one way of writing for each format. Texts that others wrote (bodies, a provider's lines) stand
 * in them as they are, and are never parsed and written again. Left to others: reading a provider's line (`Decoding`),
 * and which lines there are.
 */
import type { RequestFormat, ResultFormat } from './download.ts';
import type { Usage } from './usage.ts';

/** A request, as far as a line tells of it beside its body. */
export interface RequestRow {
  readonly position: number;
  readonly customId: string;
  readonly endpoint: string;
}

/** What stands around a body in a line; between them it is as it was written, byte for byte. */
export interface Frame {
  readonly before: string;
  readonly after: string;
}

/** A result, as far as a line tells of it beside the provider's; its tokens and cost stand in some formats only. */
export interface ResultRow extends Partial<Usage> {
  readonly position: number;
  readonly customId: string;
  readonly status: string;
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
  readonly stopReason?: string | null;
  /** In US dollars. */
  readonly cost?: string | null;
}

/** The same with the provider's line, verbatim; null where it sent none. */
export type AnsweredRow = ResultRow & { readonly response: string | null };

/** How a provider's lines are read. */
export interface LineReading {
  readText(line: string): string | null;
  readResponse(line: string): string | null;
}

/** Of which batch lines are, and how its provider's are read. */
export interface LineSource extends LineReading {
  readonly batchId: string;
}

const quoted = (text: string | null): string => JSON.stringify(text);

/** What stands around a request in each format. */
export const requestFrames = {
  verbatim: ({ customId, endpoint }) => ({
    before: `{"customId":${quoted(customId)},"endpoint":${quoted(endpoint)},"body":`,
    after: '}',
  }),
  openai: ({ customId, endpoint }) => ({
    before: `{"custom_id":${quoted(customId)},"method":"POST","url":${quoted(endpoint)},"body":`,
    after: '}',
  }),
} as const satisfies Record<RequestFormat, (row: RequestRow) => Frame>;

const errorOf = ({ errorCode, errorMessage }: ResultRow): string | null =>
  errorCode === null ? null : `{"code":${quoted(errorCode)},"message":${quoted(errorMessage)}}`;

/** What stands around a provider's line in a verbatim one. */
export function resultFrame(row: ResultRow): Frame {
  const { position, customId, status } = row;
  const error = errorOf(row);
  return {
    before: `{"position":${position},"customId":${quoted(customId)},"status":"${status}","result":`,
    after: error === null ? '}' : `,"error":${error}}`,
  };
}

/** Whether the provider's line is no JSON, because it tore it; in a frame it then stands quoted. */
export const isTorn = ({ errorCode }: ResultRow): boolean => errorCode === 'malformed_result';

/** A line as a text of JSON. */
export const quotedLine = (line: string): string => quoted(line);

/** A result in each format that is more than a frame, without the end of its line. */
export const resultLines = {
  openai(row, source) {
    const { position, customId, response } = row;
    const answer = response === null || isTorn(row) ? null : source.readResponse(response);
    return `{"id":"${source.batchId}:${position}","custom_id":${quoted(customId)},"response":${answer},"error":${errorOf(row)}}`;
  },
  flat(row, reading) {
    const told = columns.map(({ name, of, isNumber }) => {
      const value = of(row, reading);
      return `"${name}":${value !== null && isNumber ? value : quoted(value)}`;
    });
    return `{${told.join(',')}}`;
  },
  csv: (row, reading) => columns.map(({ of }) => cell(of(row, reading))).join(','),
} as const satisfies Record<
  Exclude<ResultFormat, 'verbatim'>,
  (row: AnsweredRow, source: LineSource) => string
>;

interface FlatColumn {
  readonly name: string;
  readonly isNumber: boolean;
  readonly of: (row: AnsweredRow, reading: LineReading) => string | null;
}

const number = (name: string, of: (row: AnsweredRow) => number | string | null | undefined): FlatColumn => ({
  name,
  isNumber: true,
  of: (row) => {
    const value = of(row) ?? null;
    return value === null ? null : String(value);
  },
});
const text = (name: string, of: FlatColumn['of']): FlatColumn => ({ name, isNumber: false, of });

const columns: readonly FlatColumn[] = [
  number('position', ({ position }) => position),
  text('customId', ({ customId }) => customId),
  text('status', ({ status }) => status),
  text('text', ({ status, response }, reading) =>
    status === 'SUCCEEDED' && response !== null ? reading.readText(response) : null,
  ),
  text('errorCode', ({ errorCode }) => errorCode),
  text('errorMessage', ({ errorMessage }) => errorMessage),
  text('stopReason', ({ stopReason }) => stopReason ?? null),
  number('inputTokens', ({ inputTokens }) => inputTokens),
  number('outputTokens', ({ outputTokens }) => outputTokens),
  number('cachedInputTokens', ({ cachedInputTokens }) => cachedInputTokens),
  number('cacheWriteInputTokens', ({ cacheWriteInputTokens }) => cacheWriteInputTokens),
  number('reasoningTokens', ({ reasoningTokens }) => reasoningTokens),
  number('costUsd', ({ cost }) => cost),
];

/** The first line of a CSV file. */
export const csvHeader = columns.map(({ name }) => name).join(',');

/** RFC 4180; what is not known is an empty cell, and an empty text is a quoted one. */
const cell = (value: string | null): string =>
  value === null ? '' : /^$|[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
