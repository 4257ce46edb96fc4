/**
 * In what a service may differ from OpenAI's batch wire, as data: the client and the emulator are told the same,
 * and neither knows the other. Which service has which quirks is `presets.ts`; sources stand in the README.
 */
import { z } from 'zod';

const oneOf = <const Word extends string>(name: string, ...words: readonly [Word, ...Word[]]) =>
  z.enum(words, { error: `${name} must be ${words.slice(0, -1).join(', ')} or ${words.at(-1)}` });

const matching = (name: string, pattern: RegExp, form: string) => {
  const error = `${name} must be ${form}`;
  return z.string({ error }).regex(pattern, { error });
};

const path = /^(?:\/[\w.~-]+)+$/;
const word = /^[\w-]+$/;
const headerName = /^[A-Za-z][\w-]*$/;

/** Every quirk with the value that OpenAI has; a member that is none of them is refused. */
export const quirksSchema = z.strictObject({
  /** What stands between the base URL and every path. */
  pathPrefix: matching('pathPrefix', /^(?:\/[\w.~-]+)*$/, 'a path such as /openai/v1').default(''),
  /** Where a file is sent to, after the prefix. */
  uploadPath: matching('uploadPath', path, 'a path such as /files/upload').default('/files'),
  /** The form's field for the file's name, where the name of the file's own part is not enough. */
  fileNameField: matching('fileNameField', word, 'the name of a form field or null').nullable().default(null),
  /**
   * The header that names the file where an upload is answered by a redirect to where its bytes are then put; null
   * where the file is sent in the form.
   */
  uploadIdHeader: matching('uploadIdHeader', headerName, 'the name of a header or null')
    .nullable()
    .default(null),
  /** What an input file is said to be for. */
  purpose: matching('purpose', word, 'a word such as batch').default('batch'),
  /** The member of the answer to a creation that holds the batch; null where the answer is the batch. */
  createWrapper: matching('createWrapper', word, "the name of the answer's member or null")
    .nullable()
    .default(null),
  /** `pages`: objects with `after` and `has_more`. `object`: one object with all. `array`: all, bare. */
  list: oneOf('list', 'pages', 'object', 'array').default('pages'),
  /** Whether a batch carries metadata. Without it, a lost batch is found by its input file alone. */
  metadata: z.boolean({ error: 'metadata must be true or false' }).default(true),
  /** How a batch tells times; the client reads either. */
  times: oneOf('times', 'unix', 'iso').default('unix'),
  /** The member that tells when a batch expires. */
  deadlineField: matching('deadlineField', word, 'the name of a member').default('expires_at'),
  /**
   * `few`: a batch is never said to be finalizing or cancelling, and tells no time but those of its creation, its
   * completion and its deadline. The client reads what there is.
   */
  phases: oneOf('phases', 'all', 'few').default('all'),
  /** In which case the words for a batch's state are written. */
  statuses: oneOf('statuses', 'lower', 'upper').default('lower'),
  /** What a batch tells of its requests: counts, a percentage in `progress`, or nothing. */
  counts: oneOf('counts', 'requests', 'progress', 'none').default('requests'),
  /**
   * Where a failed batch says why: a list in `errors`, or a text in `error`; and so does a call about batches that is
   * refused. The client reads either.
   */
  errors: oneOf('errors', 'list', 'text').default('list'),
  /** A header that makes a repeated creation answer the first one's batch; null where there is none. */
  idempotencyHeader: matching('idempotencyHeader', headerName, 'the name of a header or null')
    .nullable()
    .default(null),
});

/** In what a service differs from OpenAI. */
export type Quirks = Readonly<z.output<typeof quirksSchema>>;

/** OpenAI itself. */
export const noQuirks: Quirks = quirksSchema.parse({});
