/**
 * How a job is created: its requests are put into S3, then the job is made of them, once, under a name, a token and
 * two places that all follow from the nonce. A try that broke off is completed by the next one.
 */
import type { CreateModelInvocationJobCommandInput } from '@aws-sdk/client-bedrock';
import { ProviderFailure } from '../failure.ts';
import type { Connection, JobReport, Submission, SubmitPorts } from '../provider.ts';
import type { Bucket } from './bucket.ts';
import type { Calls } from './calls.ts';
import { jobNameOf } from './find.ts';
import { newReport } from './report.ts';
import { jobPlaces, readS3Uri, s3Uri } from './s3-uri.ts';
import { uploadInput } from './upload.ts';
import { readCreated } from './wire.ts';

/** Submits the job, and gives its ARN. */
export async function createJob(
  { connection, calls, bucket }: { connection: Connection; calls: Calls; bucket: Bucket },
  submission: Submission,
  ports: SubmitPorts,
): Promise<{ providerJobId: string; report: JobReport }> {
  const { model } = submission;
  if (model === null) throw refused('model_missing', 'A job on Bedrock needs a model, and none was named.');
  const home = readS3Uri(connection.more?.['s3Uri'] ?? '');
  if (home === null) throw refused('s3_uri_missing', 'There is no place in S3 for the requests.');
  const { input, output } = jobPlaces(home, submission.nonce);
  let inputUri = savedInput(submission);
  if (inputUri === null) {
    await uploadInput(bucket, submission, ports, input);
    inputUri = s3Uri(input);
    await ports.saveCheckpoint({ inputUri });
  }
  const job = creation(submission, model, {
    roleArn: connection.apiKey,
    inputUri,
    outputUri: s3Uri(output),
  });
  const raw = await calls.create(job, ports);
  const created = readCreated(raw);
  if (created === null) throw accepted();
  return { providerJobId: created.jobArn, report: newReport(raw) };
}

const savedInput = ({ checkpoint }: Submission): string | null => {
  const { inputUri } = checkpoint ?? {};
  return typeof inputUri === 'string' ? inputUri : null;
};

/** What a job is created with. The window is a number of hours (`48h`); a wrong one is the vendor's to refuse. */
const creation = (
  { nonce, endpoint, completionWindow }: Submission,
  modelId: string,
  { roleArn, inputUri, outputUri }: { roleArn: string; inputUri: string; outputUri: string },
): CreateModelInvocationJobCommandInput => ({
  jobName: jobNameOf(nonce),
  clientRequestToken: nonce,
  roleArn,
  modelId,
  // The field is newer than the API, and this is what it says when it is not there.
  ...(endpoint === 'Converse' ? { modelInvocationType: 'Converse' } : {}),
  timeoutDurationInHours: Number.parseInt(completionWindow, 10),
  inputDataConfig: { s3InputDataConfig: { s3Uri: inputUri, s3InputFormat: 'JSONL' } },
  outputDataConfig: { s3OutputDataConfig: { s3Uri: outputUri } },
});

const refused = (code: string, message: string): ProviderFailure =>
  new ProviderFailure('rejected', { code, message });

/** The vendor said yes in words that we cannot read: a job exists, and must be looked for. */
const accepted = (): ProviderFailure =>
  new ProviderFailure('uncertain', {
    code: 'unreadable_answer',
    message: 'The provider accepted the batch and did not tell its id.',
  });
