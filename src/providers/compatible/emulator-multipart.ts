/**
 * The parts of a multipart/form-data body. Reads what undici's FormData and a hand-made frame send; the parts are
 * views of the body, not copies.
 */

/** One part of a form. */
export interface FormPart {
  readonly name: string;
  /** Null where the part is a plain field. */
  readonly filename: string | null;
  readonly data: Buffer;
}

/** The parts in order; null where the body is not what its content type says. */
export function readForm(contentType: string, body: Buffer): FormPart[] | null {
  const boundary = /^multipart\/form-data;.*\bboundary="?([^";]+)"?/i.exec(contentType)?.[1];
  if (boundary === undefined) return null;
  const delimiter = `\r\n--${boundary}`;
  const parts: FormPart[] = [];
  // The first delimiter has no line break before it.
  let at = body.indexOf(`--${boundary}`) + boundary.length + 2;
  if (at < boundary.length + 2) return null;
  while (body.toString('latin1', at, at + 2) !== '--') {
    const headEnd = body.indexOf('\r\n\r\n', at);
    const end = headEnd === -1 ? -1 : body.indexOf(delimiter, headEnd);
    if (end === -1) return null;
    const head = body.toString('utf8', at, headEnd);
    const name = /\bname="([^"]*)"/i.exec(head)?.[1];
    if (name === undefined) return null;
    const filename = /\bfilename="([^"]*)"/i.exec(head)?.[1] ?? null;
    parts.push({ name, filename, data: body.subarray(headEnd + 4, end) });
    at = end + delimiter.length;
  }
  return parts;
}
