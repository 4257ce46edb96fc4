/** An answer of an endpoint, in the one form in which all providers' answers are told. */

/** `{"status_code":…,"body":…}` around the verbatim text of a body; null where there is none, or only the word null. */
export const answered = (status: number, body: string | null): string | null =>
  body === null || body === 'null' ? null : `{"status_code":${status},"body":${body}}`;
