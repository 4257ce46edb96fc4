/**
 * The lines of downloads, one way of writing for each format. Texts that others wrote (bodies, a provider's lines) stand
 * in them as they are, and are never parsed and written again. Left to others: reading a provider's line (`Decoding`),
 * and which lines there are.
 */
import type { RequestFormat, ResultFormat } from './download.ts';
import type { Usage } from './usage.ts';

/** A text, or what becomes one only where that is asked for. */
export interface Text {
  toString(): string;
}

/** Takes the parts of a line. What takes them decides whether they ever become texts. */
export interface LineParts {
  /** A text of our own, or one that stands in the line as it was written, byte for byte. */
  add(text: Text): void;
  /** A text as one of JSON. */
  addQuoted(text: Text): void;
}

/** A request, as far as a line tells of it beside its body. */
export interface RequestRow {
  readonly position: number;
  readonly customId: Text;
  readonly endpoint: Text;
}

/** A result, as far as a line tells of it beside the provider's; its tokens and cost stand in some formats only. */
export interface ResultRow extends Partial<Usage> {
  readonly position: number;
  readonly customId: Text;
  readonly status: Text;
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
  readonly stopReason?: string | null;
  /** In US dollars. */
  readonly cost?: string | null;
}

/** How a provider's lines are read. */
export interface LineReading {
  readText(line: string): string | null;
  readResponse(line: string): string | null;
}

/** Of which batch lines are, and how its provider's are read. */
export interface LineSource extends LineReading {
  readonly batchId: string;
}

const quoted = (text: Text | null): string => JSON.stringify(text === null ? null : String(text));

/** Writes a request in each format, without the end of its line. */
export const writeRequest = {
  verbatim({ customId, endpoint }, body, line) {
    line.add('{"customId":');
    line.addQuoted(customId);
    line.add(',"endpoint":');
    line.addQuoted(endpoint);
    line.add(',"body":');
    line.add(body);
    line.add('}');
  },
  openai({ customId, endpoint }, body, line) {
    line.add('{"custom_id":');
    line.addQuoted(customId);
    line.add(',"method":"POST","url":');
    line.addQuoted(endpoint);
    line.add(',"body":');
    line.add(body);
    line.add('}');
  },
} as const satisfies Record<RequestFormat, (row: RequestRow, body: Text, line: LineParts) => void>;

const errorOf = ({ errorCode, errorMessage }: ResultRow): string | null =>
  errorCode === null ? null : `{"code":${quoted(errorCode)},"message":${quoted(errorMessage)}}`;

/** Writes a result with the provider's line verbatim in it, without the end of its line. */
export function writeVerbatim(row: ResultRow, response: Text | null, line: LineParts): void {
  line.add('{"position":');
  line.add(row.position);
  line.add(',"customId":');
  line.addQuoted(row.customId);
  line.add(',"status":"');
  line.add(row.status);
  line.add('","result":');
  if (response === null) line.add('null');
  else if (isTorn(row)) line.addQuoted(response);
  else line.add(response);
  const error = errorOf(row);
  if (error !== null) {
    line.add(',"error":');
    line.add(error);
  }
  line.add('}');
}

/** Whether the provider's line is no JSON, because it tore it; in a line of JSON it then stands quoted. */
export const isTorn = ({ errorCode }: ResultRow): boolean => errorCode === 'malformed_result';

/** A result in each format that tells what is in the provider's line (null where it sent none), without the end of its own. */
export const resultLines = {
  openai(row, response, source) {
    const { position, customId } = row;
    const answer = response === null || isTorn(row) ? null : source.readResponse(response);
    return `{"id":"${source.batchId}:${position}","custom_id":${quoted(customId)},"response":${answer},"error":${errorOf(row)}}`;
  },
  flat(row, response, reading) {
    const told = columns.map(({ name, of, isNumber }) => {
      const value = of(row, response, reading);
      return `"${name}":${value !== null && isNumber ? value : quoted(value)}`;
    });
    return `{${told.join(',')}}`;
  },
  csv: (row, response, reading) => columns.map(({ of }) => cell(of(row, response, reading))).join(','),
} as const satisfies Record<
  Exclude<ResultFormat, 'verbatim'>,
  (row: ResultRow, response: string | null, source: LineSource) => string
>;

interface FlatColumn {
  readonly name: string;
  readonly isNumber: boolean;
  readonly of: (row: ResultRow, response: string | null, reading: LineReading) => string | null;
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
  text('customId', ({ customId }) => String(customId)),
  text('status', ({ status }) => String(status)),
  text('text', ({ status }, response, reading) =>
    String(status) === 'SUCCEEDED' && response !== null ? reading.readText(response) : null,
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
