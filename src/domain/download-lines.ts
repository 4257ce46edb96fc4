/**
 * The lines of downloads, one way of writing for each format. Texts that others wrote (bodies, a provider's lines) stand
 * in them as they are, and are never parsed and written again. Left to others: reading a provider's line (`Decoding`),
 * and which lines there are.
 */
import type { RequestFormat, ResultFormat } from './download.ts';
import type { Usage } from './usage.ts';

/** A request, as far as a line tells of it. */
export interface RequestRow {
  readonly position: number;
  readonly customId: string;
  readonly endpoint: string;
  /** The body, verbatim. */
  readonly request: string;
}

/** A result, as far as a line tells of it; its tokens and cost stand in some formats only. */
export interface ResultRow extends Partial<Usage> {
  readonly batchId: string;
  readonly position: number;
  readonly customId: string;
  readonly status: string;
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
  readonly stopReason: string | null;
  /** In US dollars. */
  readonly cost?: string | null;
  /** The provider's line, verbatim; null where it sent none. */
  readonly response: string | null;
}

/** How a provider's lines are read. */
export interface LineReading {
  readText(line: string): string | null;
  readResponse(line: string): string | null;
}

const quoted = (text: string | null): string => JSON.stringify(text);

/** A request in each format, without the end of its line. */
export const requestLines = {
  verbatim: ({ customId, endpoint, request }) =>
    `{"customId":${quoted(customId)},"endpoint":${quoted(endpoint)},"body":${request}}`,
  openai: ({ customId, endpoint, request }) =>
    `{"custom_id":${quoted(customId)},"method":"POST","url":${quoted(endpoint)},"body":${request}}`,
} as const satisfies Record<RequestFormat, (row: RequestRow) => string>;

/** A line that the provider tore is not JSON. */
const isTorn = ({ errorCode }: ResultRow): boolean => errorCode === 'malformed_result';

const errorOf = ({ errorCode, errorMessage }: ResultRow): string | null =>
  errorCode === null ? null : `{"code":${quoted(errorCode)},"message":${quoted(errorMessage)}}`;

/** A result in each format, without the end of its line. */
export const resultLines = {
  verbatim(row) {
    const { position, customId, status, response } = row;
    const result = isTorn(row) ? quoted(response) : (response ?? 'null');
    const error = errorOf(row);
    return `{"position":${position},"customId":${quoted(customId)},"status":"${status}","result":${result}${error === null ? '' : `,"error":${error}`}}`;
  },
  openai(row, reading) {
    const { batchId, position, customId, response } = row;
    const answer = response === null || isTorn(row) ? null : reading.readResponse(response);
    return `{"id":"${batchId}:${position}","custom_id":${quoted(customId)},"response":${answer},"error":${errorOf(row)}}`;
  },
  flat(row, reading) {
    const told = columns.map(({ name, of, isNumber }) => {
      const value = of(row, reading);
      return `"${name}":${value !== null && isNumber ? value : quoted(value)}`;
    });
    return `{${told.join(',')}}`;
  },
  csv: (row, reading) => columns.map(({ of }) => cell(of(row, reading))).join(','),
} as const satisfies Record<ResultFormat, (row: ResultRow, reading: LineReading) => string>;

interface FlatColumn {
  readonly name: string;
  readonly isNumber: boolean;
  readonly of: (row: ResultRow, reading: LineReading) => string | null;
}

const number = (name: string, of: (row: ResultRow) => number | string | null | undefined): FlatColumn => ({
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
  text('stopReason', ({ stopReason }) => stopReason),
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
