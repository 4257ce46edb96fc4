/**
 * What can be downloaded of a batch, and in which formats. Owns the words and what an answer says of itself; the lines
 * are `download-lines.ts`, where they are found is `batch-urls.ts`.
 */

/** What can be downloaded: requests, results that succeeded, all other results. */
export const downloadKinds = ['input', 'output', 'errors'] as const;
/** What is downloaded. */
export type DownloadKind = (typeof downloadKinds)[number];

/** The formats of results: the provider's own line, OpenAI's line, and a row for tables as JSON and as CSV. */
export const resultFormats = ['verbatim', 'openai', 'flat', 'csv'] as const;
/** A format of results. */
export type ResultFormat = (typeof resultFormats)[number];

/** The formats of requests: as they are taken here, and as OpenAI takes them. */
export const requestFormats = ['verbatim', 'openai'] as const;
/** A format of requests. */
export type RequestFormat = (typeof requestFormats)[number];

/** The formats that something can be downloaded in; the first where none is asked for. */
export const formatsOf = (kind: DownloadKind): readonly ResultFormat[] =>
  kind === 'input' ? requestFormats : resultFormats;

/** How an answer in a format is called: its media type, and the end of its file's name. */
export const fileOf = {
  verbatim: { mediaType: 'application/jsonl; charset=utf-8', extension: 'jsonl' },
  openai: { mediaType: 'application/jsonl; charset=utf-8', extension: 'jsonl' },
  flat: { mediaType: 'application/jsonl; charset=utf-8', extension: 'jsonl' },
  csv: { mediaType: 'text/csv; charset=utf-8', extension: 'csv' },
} as const satisfies Record<ResultFormat, { mediaType: string; extension: string }>;

/** Which lines are wanted. */
export interface DownloadWish {
  readonly format: ResultFormat;
  /** The position that the lines lie after; -1 for all of them. */
  readonly after: number;
}

/** The largest position that there can be. */
const positionMax = 2_147_483_647;

/** What the query of an address asks for; what cannot be had, as a sentence for its sender. */
export function readWish(kind: DownloadKind, query: URLSearchParams): DownloadWish | { problem: string } {
  const formats = formatsOf(kind);
  const word = query.get('format');
  const format = word === null ? formats[0] : formats.find((known) => known === word);
  if (format === undefined) return { problem: `format must be one of ${formats.join(', ')}.` };
  const position = query.get('after');
  const after = position === null ? -1 : /^\d{1,10}$/.test(position) ? Number(position) : Number.NaN;
  if (!(after <= positionMax)) {
    return { problem: 'after must be the position of a line, a whole number from 0.' };
  }
  return { format, after };
}
