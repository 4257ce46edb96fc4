/** What an organization may give for a provider, and where that leads: who is the organization's word, where is not. */
import { describe, expect, it } from 'vitest';
import { ownConnection, ownProblems, ownSettings } from '../../src/providers/own-connection.ts';
import { providers } from '../../src/providers/registry.ts';

const bedrock = providers.find(({ name }) => name === 'bedrock')!;
const openai = providers.find(({ name }) => name === 'openai')!;
const whole = {
  region: 'eu-west-1',
  s3Uri: 's3://bucket/prefix',
  accessKeyId: 'AKIAEXAMPLE',
  secretAccessKey: 'S3CRET',
};
const given = (settings: Record<string, string>) =>
  Object.entries(settings).map(([name, value]) => ({ name, value }));

describe('No setting that an organization gives', () => {
  /** What all of them are: whose an account is and what is in it, never where it is. */
  const known = ['accessKeyId', 'region', 's3Uri', 'secretAccessKey', 'sessionToken', 'webhookSecret'];

  it('is an address: that is for the operator to say', () => {
    const names = new Set(providers.flatMap((provider) => ownSettings(provider).map(({ name }) => name)));
    expect([...names].sort()).toEqual(known);
  });

  it('can lead a base URL elsewhere by filling it in', () => {
    for (const region of ['eu-west-1.evil.example/', 'eu-west-1@evil', '../..', 'eu-west-1#']) {
      expect(ownProblems(bedrock, given({ ...whole, region }))).toEqual([
        { index: 0, message: 'region must be a region such as us-east-1.' },
      ]);
    }
    const where = { baseUrl: bedrock.settings.defaultBaseUrl };
    expect(ownConnection(bedrock, { apiKey: 'arn:role', more: whole }, where).baseUrl).toBe(
      'https://bedrock.eu-west-1.amazonaws.com',
    );
  });
});

describe('Bedrock', () => {
  it('is not called with the rights of the machine: an access key must be given', () => {
    const { accessKeyId: _, secretAccessKey: __, ...without } = whole;
    expect(ownProblems(bedrock, given(without)).map(({ message }) => message)).toEqual([
      expect.stringContaining('accessKeyId must be given'),
      expect.stringContaining('secretAccessKey must be given'),
    ]);
    expect(ownProblems(bedrock, given(whole))).toEqual([]);
  });

  it('is called where its operator says, whatever the operator’s own credential is', () => {
    const where = {
      baseUrl: 'https://vpce.example',
      more: { s3Endpoint: 'https://s3.vpce.example', region: 'us-east-1', accessKeyId: 'operators' },
    };
    expect(ownConnection(bedrock, { apiKey: 'arn:role', more: whole }, where)).toEqual({
      baseUrl: 'https://vpce.example',
      apiKey: 'arn:role',
      more: { ...whole, s3Endpoint: 'https://s3.vpce.example' },
    });
  });
});

it.each([
  [
    given({ baseUrl: 'http://10.0.0.1' }),
    'OpenAI Batch API has no setting of this name to give; it has: webhookSecret.',
  ],
  [
    given({ webhookSecret: 'S3CRET' }),
    'webhookSecret must be whsec_ and then base64, as OpenAI shows it once.',
  ],
  [
    [
      ...given({ webhookSecret: 'whsec_c2VjcmV0c2VjcmV0' }),
      ...given({ webhookSecret: 'whsec_c2VjcmV0c2VjcmV0' }),
    ],
    'webhookSecret must be given once.',
  ],
])('%j is refused, and not quoted', (settings, message) => {
  const problems = ownProblems(openai, settings);
  expect(problems).toEqual([{ index: settings.length - 1, message }]);
  expect(JSON.stringify(problems)).not.toContain('S3CRET');
});
