/** Lines of downloads hold what others wrote as they wrote it, and can be read by whoever reads their format. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { downloadKinds, formatsOf, readWish } from '../../src/domain/download.ts';
import {
  csvHeader,
  isTorn,
  type LineParts,
  type LineSource,
  resultLines,
  writeRequest,
  writeVerbatim,
} from '../../src/domain/download-lines.ts';
import { takesGzip } from '../../src/http/content-coding.ts';

const text = fc.string({ unit: 'grapheme', maxLength: 20 });
const maybe = <Value>(values: fc.Arbitrary<Value>) => fc.option(values, { nil: null });
/** JSON with blanks where no serialiser puts them. */
const oddJson = fc.json({ maxDepth: 2 }).map((json) => ` ${json}\t`.trim().replaceAll(':', ' : '));
const tokens = maybe(fc.nat());

const row = fc.record({
  position: fc.nat(),
  customId: text,
  status: fc.constantFrom('SUCCEEDED', 'ERRORED', 'EXPIRED', 'CANCELLED'),
  errorCode: maybe(fc.constantFrom('overloaded', 'malformed_result')),
  errorMessage: maybe(text),
  stopReason: maybe(text),
  cost: maybe(fc.constantFrom('0', '0.000000012345678901', '12.5')),
  response: maybe(fc.oneof(text, fc.json())),
  inputTokens: tokens,
  outputTokens: tokens,
  cachedInputTokens: tokens,
  cacheWriteInputTokens: tokens,
  reasoningTokens: tokens,
});

const batchId = '01994b0c-7a3e-7b10-8a34-3df2bb0f3c55';
const shouting: LineSource = {
  batchId,
  readText: (line) => `text, of "${line}"\r\n`,
  readResponse: (line) => `{"status_code":200,"body":${JSON.stringify(line)}}`,
};

/** A line as the text that its parts make. */
function written(write: (line: LineParts) => void): string {
  const parts: string[] = [];
  write({
    add: (text) => void parts.push(String(text)),
    addQuoted: (text) => void parts.push(JSON.stringify(String(text))),
  });
  return parts.join('');
}

/** Reads one record of CSV as RFC 4180 has it. */
const cellsOf = (record: string): (string | null)[] =>
  [...record.matchAll(/(?<=^|,)(?:"((?:[^"]|"")*)"|([^",]*))(?=,|$)/g)].map(
    ([, inQuotes, plain]) => inQuotes?.replaceAll('""', '"') ?? (plain || null),
  );

describe('A line of a download', () => {
  it('of a request is one line of JSON around the body, whatever the format', () => {
    fc.assert(
      fc.property(text, oddJson, (customId, body) => {
        const request = { position: 0, customId, endpoint: '/v1/x' };
        const [verbatim, openai] = [writeRequest.verbatim, writeRequest.openai].map((write) => {
          const line = written((parts) => write(request, body, parts));
          expect(line).not.toContain('\n');
          return JSON.parse(line);
        });
        expect(verbatim).toEqual({ customId, endpoint: '/v1/x', body: JSON.parse(body) });
        expect(openai).toEqual({ custom_id: customId, method: 'POST', url: '/v1/x', body: JSON.parse(body) });
      }),
    );
  });

  it('of a result is one line of JSON that tells the error exactly where there is one', () => {
    fc.assert(
      fc.property(row, (result) => {
        const { errorCode, errorMessage, customId, position } = result;
        const error = errorCode === null ? null : { code: errorCode, message: errorMessage };
        const { response } = result;
        const line = response === null || isTorn(result) ? response : JSON.stringify(response);
        const verbatim = JSON.parse(written((parts) => writeVerbatim(result, line, parts)));
        expect(verbatim.error ?? null).toEqual(error);
        expect(verbatim).toMatchObject({ position, customId, result: response });
        const openai = JSON.parse(resultLines.openai(result, response, shouting));
        const isRead = response !== null && !isTorn(result);
        expect(openai).toEqual({
          id: `${batchId}:${position}`,
          custom_id: customId,
          response: isRead ? { status_code: 200, body: response } : null,
          error,
        });
      }),
    );
  });

  it('says the same as a flat row and as CSV, and an empty text is not an unknown one', () => {
    fc.assert(
      fc.property(row, (result) => {
        const flat = JSON.parse(
          resultLines.flat(result, result.response, shouting).replace(/"costUsd":([\d.]+)/, '"costUsd":"$1"'),
        );
        const cells = cellsOf(resultLines.csv(result, result.response, shouting));
        expect(cells.map((cell) => cell ?? null)).toEqual(
          Object.values(flat).map((value) => (value === null ? null : String(value))),
        );
        expect(Object.keys(flat).join(',')).toBe(csvHeader);
        expect(flat.costUsd).toBe(result.cost);
      }),
    );
  });
});

describe('What is asked of a download', () => {
  const ask = (kind: (typeof downloadKinds)[number], query: string) =>
    readWish(kind, new URLSearchParams(query));

  it('is everything as it is, where nothing is said', () => {
    for (const kind of downloadKinds) expect(ask(kind, '')).toEqual({ format: 'verbatim', after: -1 });
  });

  it('is any format that there is of it, and no other', () => {
    for (const kind of downloadKinds)
      for (const format of [...formatsOf('output'), 'FLAT', '', 'parquet']) {
        const isKnown = formatsOf(kind).some((known) => known === format);
        expect('problem' in ask(kind, `format=${format}`)).toBe(!isKnown);
      }
  });

  it('is compressed only for those who say that they take it', () => {
    const takers = ['gzip', 'deflate, gzip;q=0.5', 'GZIP', 'br;q=1, x-gzip'];
    for (const header of takers) expect(takesGzip(header)).toBe(true);
    for (const header of [undefined, '', 'identity', 'gzip;q=0', 'br, gzip; q=0.000', 'gzipped'])
      expect(takesGzip(header)).toBe(false);
  });
});
