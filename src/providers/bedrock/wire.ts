/**
 * What the control plane says, as far as anything here reads it. Reading is lenient: only what the protocol cannot
 * do without makes an answer unreadable; whatever else is missing, null or of another type is null.
 */
import { z } from 'zod';
import { readWith } from '../answers.ts';

const text = z.string().nullable().catch(null).default(null);
const perhapsCount = z.number().int().nonnegative().nullable().catch(null).default(null);
/** ISO 8601. */
const instant = z
  .string()
  .transform((written) => new Date(written))
  .refine((time) => !Number.isNaN(time.getTime()))
  .nullable()
  .catch(null)
  .default(null);

const place = z.object({ s3Uri: z.string() });

const jobSchema = z.object({
  jobArn: z.string().min(1),
  status: z.string(),
  jobName: text,
  clientRequestToken: text,
  message: text,
  submitTime: instant,
  endTime: instant,
  jobExpirationTime: instant,
  inputDataConfig: z
    .object({ s3InputDataConfig: place })
    .transform((config) => config.s3InputDataConfig.s3Uri)
    .nullable()
    .catch(null)
    .default(null),
  outputDataConfig: z
    .object({ s3OutputDataConfig: place })
    .transform((config) => config.s3OutputDataConfig.s3Uri)
    .nullable()
    .catch(null)
    .default(null),
  totalRecordCount: perhapsCount,
  successRecordCount: perhapsCount,
  errorRecordCount: perhapsCount,
});

const jobPageSchema = z.object({ invocationJobSummaries: z.array(jobSchema), nextToken: text });

const createdSchema = z.object({ jobArn: z.string().min(1) });

/** A model invocation job, whole or as a summary. `status` may be a word that is new to us. */
export type WireJob = z.infer<typeof jobSchema>;
/** One page of the list of jobs. */
export type WireJobPage = z.infer<typeof jobPageSchema>;

/** Reads a job; null where the text is none. */
export const readJob = (json: string): WireJob | null => readWith(jobSchema, json);
/** Reads a page of jobs; null where the text is none, or one of its jobs is not. */
export const readJobPage = (json: string): WireJobPage | null => readWith(jobPageSchema, json);
/** Reads the answer to a creation, which tells the job's ARN; null where it tells none. */
export const readCreated = (json: string): { jobArn: string } | null => readWith(createdSchema, json);

/** The word and the sentence of an error; null where there is none. */
export interface WireError {
  readonly code: string | null;
  readonly message: string | null;
}

const errorSchema = z
  .object({ message: text, Message: text, __type: text, code: text })
  .transform((told) => ({ code: told.__type ?? told.code, message: told.message ?? told.Message }));

/** Reads an error: its word stands in a header, or in the body. */
export function readError(answer: { headers: Headers; text: string }): WireError {
  const { code, message } = readWith(errorSchema, answer.text) ?? { code: null, message: null };
  return { code: answer.headers.get('x-amzn-errortype') ?? code, message };
}
