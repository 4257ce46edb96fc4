/**
 * What may be said when a key or an organization is made. Owns the rules of each field and how a time limit is written
 * on a command line; the present moment is handed in.
 */
import { z } from 'zod';
import { accessScopes } from './scope.ts';
import { storableText } from './storable-text.ts';

const nameCharactersMax = 128;

/** What an organization is called. */
export const organizationNameSchema = storableText('name', nameCharactersMax);

/** What `createApiKey` takes, at this moment. */
export const createApiKeyInput = (now: Date) =>
  z.strictObject({
    name: storableText('name', nameCharactersMax),
    scope: z.enum(accessScopes, { error: `scope must be one of ${accessScopes.join(', ')}.` }),
    expiresAt: z
      .date()
      .refine((at) => at > now, 'expiresAt must lie in the future.')
      .nullish(),
  });
/** What `createApiKey` takes. */
export type CreateApiKeyInput = z.output<ReturnType<typeof createApiKeyInput>>;

const secondsPer = { h: 3600, d: 86_400 } as const;

/**
 * The moment that a text on a command line means: `12h` or `90d` from now, or a moment of its own such as
 * `2027-01-31T00:00:00Z`. Null for any other text.
 */
export function momentIn(text: string, now: Date): Date | null {
  const [, number, unit] = /^([1-9]\d{0,4})([hd])$/.exec(text) ?? [];
  if (unit === 'h' || unit === 'd') {
    return new Date(now.getTime() + Number(number) * secondsPer[unit] * 1000);
  }
  return z.iso.datetime({ offset: true }).safeParse(text).success ? new Date(text) : null;
}
