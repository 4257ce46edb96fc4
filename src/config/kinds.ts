/**
 * The kinds of values that a setting can have: what each must be, in words, and how its text is read. Which
 * settings there are is `variables.ts`. No message here quotes what was set, for it may be a secret.
 */
import { z } from 'zod';

/** A kind of value: how to say what it must be (after "must be"), and how a text becomes one. */
export interface Kind<Value> {
  readonly must: string;
  readonly schema: z.ZodType<Value, string>;
}

/** One of a few words. */
export const oneOf = <const Word extends string>(...words: readonly [Word, ...Word[]]): Kind<Word> => ({
  must: words.length === 1 ? words[0] : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`,
  schema: z.string().pipe(z.enum(words)),
});

/** Yes or no. */
export const yesOrNo: Kind<boolean> = {
  must: 'true or false',
  schema: z
    .string()
    .pipe(z.enum(['true', 'false']))
    .transform((word) => word === 'true'),
};

/** A whole number in decimal digits, both ends included. */
export const wholeNumber = (min: number, max: number): Kind<number> => ({
  must: `a whole number from ${min} to ${max}`,
  schema: z.string().regex(/^\d+$/).transform(Number).pipe(z.number().min(min).max(max)),
});

/** A decimal number, both ends included. */
export const decimal = (min: number, max: number): Kind<number> => ({
  must: `a number from ${min} to ${max}`,
  schema: z
    .string()
    .regex(/^\d+(\.\d+)?$/)
    .transform(Number)
    .pipe(z.number().min(min).max(max)),
});

/** Whatever it is; what it must be is told by who reads it. */
export const anyText: Kind<string> = { must: 'a text', schema: z.string() };

/** Names of services, each the beginning of variables' names. */
export const serviceNames: Kind<readonly string[]> = {
  must: 'words of small letters and digits, separated by commas',
  schema: z
    .string()
    .transform((text) => text.split(',').map((name) => name.trim()))
    .pipe(z.array(z.string().regex(/^[a-z][a-z0-9]{0,31}$/))),
};

const amountByModelPattern = /^(?:[^\s,=]+=)?\d{1,15}$/;

/** Amounts by model; one that stands alone is that of all models that are not named, as is that of `*`. */
export const amountByModel: Kind<Readonly<Record<string, number>>> = {
  must: 'a whole number, or one for each model such as gpt-5=2000000,*=900000',
  schema: z
    .string()
    .transform((text) => text.split(',').map((part) => part.trim()))
    .pipe(z.array(z.string().regex(amountByModelPattern)))
    .transform((parts) =>
      Object.fromEntries(
        parts.map((part) => {
          const sign = part.lastIndexOf('=');
          return [sign === -1 ? '*' : part.slice(0, sign), Number(part.slice(sign + 1))];
        }),
      ),
    ),
};

/** The path of a directory. */
export const directory: Kind<string> = { must: 'the path of a directory', schema: z.string() };

/** The path of a file. */
export const file: Kind<string> = { must: 'the path of a file', schema: z.string() };

/** What a server can listen on. */
export const host: Kind<string> = {
  must: 'a host name or an IP address',
  schema: z.string().regex(/^[A-Za-z0-9.:_%-]+$/),
};

/** A key of ours or of a provider: something that can stand in an HTTP header. */
export const key = (charactersMin: number): Kind<string> => ({
  must:
    charactersMin > 1
      ? `at least ${charactersMin} ASCII characters, without spaces`
      : 'made of ASCII characters, without spaces',
  schema: z
    .string()
    .min(charactersMin)
    .regex(/^[\x21-\x7e]+$/),
});

const thirtyTwoBytes = z.string().refine((text) => {
  const isBase64 = /^[A-Za-z0-9+/]{43}=$/.test(text);
  return isBase64 && Buffer.from(text, 'base64').toString('base64') === text;
});

/** A key that encrypts with AES-256; read as it is written. */
export const encryptionKey: Kind<string> = { must: '32 bytes in base64', schema: thirtyTwoBytes };

/** Several of them. */
export const encryptionKeys: Kind<readonly string[]> = {
  must: '32 bytes in base64, or several such keys separated by commas',
  schema: z
    .string()
    .transform((text) => text.split(',').map((key) => key.trim()))
    .pipe(z.array(thirtyTwoBytes)),
};

/** The base of other URLs; read without the slash at its end. Credentials in it would end up in logs. */
export const httpUrl: Kind<string> = {
  must: 'an http or https URL without user, query and fragment',
  schema: z
    .string()
    .refine((text) => {
      const url = urlIn(text);
      const extras = url === null ? '' : `${url.username}${url.password}${url.search}${url.hash}`;
      return url !== null && /^https?:$/.test(url.protocol) && extras === '';
    })
    .transform((text) => new URL(text).href.replace(/\/+$/, '')),
};

/** Where a Postgres is. Checked here because a driver that cannot read one quotes it, password and all. */
export const postgresUrl: Kind<string> = {
  must: 'a URL such as postgres://user:password@host:5432/database',
  schema: z.string().refine((text) => /^postgres(ql)?:$/.test(urlIn(text)?.protocol ?? '')),
};

/** Origins as browsers send them, without a path; `*` allows all. */
export const origins: Kind<readonly string[]> = {
  must: 'origins such as https://app.example.com, separated by commas, or *',
  schema: z
    .string()
    .transform((text) => text.split(',').map((origin) => origin.trim()))
    .pipe(z.array(z.string().refine(isOrigin))),
};

/** Networks and addresses. */
export const networks: Kind<readonly string[]> = {
  must: 'networks such as 10.0.0.0/8 and addresses, separated by commas',
  schema: z
    .string()
    .transform((text) => text.split(',').map((network) => network.trim()))
    .pipe(z.array(z.union([z.cidrv4(), z.cidrv6(), z.ipv4(), z.ipv6()]))),
};

/** Networks, addresses, and hosts with or without a port. */
export const callbackTargets: Kind<readonly string[]> = {
  must: 'networks such as 10.0.0.0/8 and hosts such as hooks.internal or hooks.internal:8443, separated by commas',
  schema: z
    .string()
    .transform((text) => text.split(',').map((target) => target.trim()))
    .pipe(z.array(z.union([z.cidrv4(), z.cidrv6(), z.ipv4(), z.ipv6(), z.string().refine(isHost)]))),
};

function isHost(text: string): boolean {
  const [, host, port = '1'] = /^([\w.-]+|\[[\da-f:.]+\])(?::(\d{1,5}))?$/i.exec(text) ?? [];
  return host !== undefined && URL.canParse(`http://${host}`) && Number(port) >= 1 && Number(port) <= 65_535;
}

function isOrigin(text: string): boolean {
  const url = urlIn(text);
  return text === '*' || (url !== null && /^https?:$/.test(url.protocol) && url.origin === text);
}

const urlIn = (text: string): URL | null => (/\s/.test(text) ? null : URL.parse(text));
