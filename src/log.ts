/**
 * The log: one JSON object per line, on standard output. Owns what may stand in it. Foreign errors quote what
 * they choked on (`JSON.parse` its input, a driver its parameters), which here is people's prompts, so of any
 * error only its words for machines and its stack are kept; the texts of our own errors are ours and stay.
 */
import { type DestinationStream, type Logger, pino } from 'pino';
import type { LogLevel } from './config.ts';
import { DatabaseError } from './db/errors.ts';
import { AppError, StartError } from './errors.ts';

/** How to log: from which level on, and where to if not to standard output. */
export interface LogOptions {
  readonly level: LogLevel;
  readonly destination?: DestinationStream | undefined;
}

/** A logger whose lines hold no message of a foreign error, wherever the error stands, and no credential. */
export function createLogger({ level, destination = pino.destination(1) }: LogOptions): Logger {
  return pino(
    {
      level,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      // For the bindings of child loggers; what is logged directly is described before pino sees it, because
      // pino makes an error's message the line's own text where the line has none.
      serializers: { err: (value: unknown) => described(value) },
      hooks: {
        logMethod([first, ...rest], log) {
          const subject: unknown = first instanceof Error ? { err: first } : first;
          Reflect.apply(
            log,
            this,
            [subject, ...rest].map((part) => described(part)),
          );
        },
      },
      redact: { paths: secretPaths, censor: '[redacted]' },
    },
    destination,
  );
}

/** A second belt: nobody logs these, and if somebody does they are not written. */
const secretPaths = ['', '*.', '*.*.', '*.*.*.'].flatMap((parents) => [
  ...['apiKey', 'password', 'authorization', 'Authorization', 'databaseUrl', 'directUrl', 'database.url'].map(
    (name) => `${parents}${name}`,
  ),
  `${parents.replace(/\.$/, '')}["x-api-key"]`,
]);

const depthMax = 4;

/** `value` with every error in it replaced by what may be seen of it. */
function described(value: unknown, depth = 0): unknown {
  if (value instanceof Error) return describeError(value, depth);
  if (depth > depthMax) return isPlain(value) || Array.isArray(value) ? '[too deep]' : value;
  if (Array.isArray(value)) return value.map((part) => described(part, depth + 1));
  if (!isPlain(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, described(part, depth + 1)]));
}

function describeError(error: Error, depth: number) {
  const isOurs = error instanceof AppError || error instanceof StartError || error instanceof DatabaseError;
  return {
    name: word(error.name) ?? 'Error',
    ...(isOurs && { message: error.message }),
    code: word(Reflect.get(error, 'code')),
    kind: word(Reflect.get(error, 'kind')),
    stack: framesOf(error),
    ...(error.cause instanceof Error && depth < depthMax && { cause: described(error.cause, depth + 1) }),
  };
}

const word = (value: unknown): string | number | undefined =>
  typeof value === 'number' || (typeof value === 'string' && /^[\w.:-]{1,64}$/.test(value))
    ? value
    : undefined;

/** The stack without the message, which may be many lines and look like frames; nothing where they do not part. */
function framesOf({ stack = '', message }: Error): string | undefined {
  const at = stack.indexOf(message);
  if (at === -1) return undefined;
  const lines = stack.slice(at + message.length).split('\n');
  return lines.slice(lines.findLastIndex((line) => !line.startsWith('    at ')) + 1).join('\n');
}

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
