/**
 * Text that comes from outside, made fit for Postgres, which holds neither NUL nor lone surrogates. Valid JSON
 * has neither (it escapes them), so a verbatim line only changes where it was broken already.
 */
export const storableText = (text: string): string => text.toWellFormed().replaceAll('\0', '\uFFFD');
