/** What the vendor says at once against the creation of a job, before it looks at the input. */
import { z } from 'zod';

const s3Uri = z
  .string()
  .max(1024)
  .regex(/^s3:\/\/[a-z0-9][-.a-z0-9]{1,61}(?:\/[-!_*'().a-z0-9A-Z]+)*\/?$/);

const creationSchema = z.strictObject({
  jobName: z
    .string()
    .max(63)
    .regex(/^[a-zA-Z0-9](-*[a-zA-Z0-9+.-]){0,62}$/),
  roleArn: z.string().regex(/^arn:aws(-[^:]+)?:iam::\d{12}:role\/.+$/),
  modelId: z.string().min(1).max(2048),
  clientRequestToken: z
    .string()
    .max(256)
    .regex(/^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,255}$/)
    .optional(),
  inputDataConfig: z.strictObject({
    s3InputDataConfig: z.strictObject({
      s3Uri,
      s3InputFormat: z.literal('JSONL').optional(),
      s3BucketOwner: z.string().optional(),
    }),
  }),
  outputDataConfig: z.strictObject({
    s3OutputDataConfig: z.strictObject({
      s3Uri,
      s3EncryptionKeyId: z.string().optional(),
      s3BucketOwner: z.string().optional(),
    }),
  }),
  modelInvocationType: z.enum(['InvokeModel', 'Converse']).default('InvokeModel'),
  timeoutDurationInHours: z.number().int().min(24).max(168).default(24),
  tags: z
    .array(z.strictObject({ key: z.string().min(1).max(128), value: z.string().max(256) }))
    .max(200)
    .optional(),
  vpcConfig: z.unknown().optional(),
});

/** What a job is created with. */
export type Creation = z.infer<typeof creationSchema>;

/** Reads the body of a creation, or says what is wrong with it. */
export function readCreation(text: string): { creation: Creation } | { problem: string } {
  let body: unknown = null;
  try {
    body = JSON.parse(text);
  } catch {
    // Nothing is as wrong as null.
  }
  const { data, error } = creationSchema.safeParse(body);
  if (data !== undefined) return { creation: data };
  const problems = error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  const count = problems.length === 1 ? '1 validation error' : `${problems.length} validation errors`;
  return { problem: `${count} detected: ${problems.join('; ')}` };
}
