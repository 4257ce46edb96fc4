/** The vendor's calls about a job: what the emulator sends on the wire, and what the adapter makes of it. */
import { readFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Webhook } from 'standardwebhooks';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createHandClock, type HandClock } from '../../src/clock.ts';
import type { Emulator } from '../../src/providers/emulation.ts';
import { gemini } from '../../src/providers/gemini/index.ts';
import { webhook } from '../../src/providers/gemini/webhook.ts';
import type { WebhookCall } from '../../src/providers/provider.ts';

const quiet = new AbortController().signal;

let clock: HandClock;
let emulator: Emulator;
let uri: string;
let heard: Array<{ url: string | undefined; headers: IncomingHttpHeaders; body: string }>;
let stop: () => void;
beforeEach(async () => {
  clock = createHandClock(new Date('2026-11-22T10:00:00Z'));
  heard = [];
  const server = createServer(async (incoming, outgoing) => {
    heard.push({ url: incoming.url, headers: incoming.headers, body: await text(incoming) });
    outgoing.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  uri = `http://127.0.0.1:${(server.address() as AddressInfo).port}/callbacks/gemini/token`;
  stop = () => server.close();
});
afterEach(async () => {
  await emulator.close();
  stop();
});

const begin = async (switches: Record<string, string> = {}) => {
  emulator = await gemini.emulate({ clock, switches });
};

/** Submits a job of this prompt, to be told of at the receiver or elsewhere. */
const submit = async (prompt = 'Hi', callbackUrl: string | null = uri) => {
  const body = JSON.stringify({ contents: [{ parts: [{ text: prompt }] }] });
  const item = { key: 'k-0', endpoint: 'generateContent', body };
  const { before, after } = gemini.encoding.envelope(item);
  const client = gemini.connect(emulator, { clock });
  const { providerJobId } = await client.submit(
    {
      jobId: 'job-1',
      nonce: 'abcdefghij0123456789',
      endpoint: 'generateContent',
      model: 'gemini-3.8-flash',
      completionWindow: '24h',
      requestCount: 1,
      encodedBytes: before.length + body.length + after.length + 1,
      checkpoint: null,
      intentAt: clock.now(),
      callbackUrl,
    },
    {
      async *items() {
        yield item;
      },
      saveCheckpoint: async () => {},
      signal: quiet,
      guard: () => {},
    },
  );
  const job = { providerJobId, requestCount: 1, checkpoint: null, cancelRequestedAt: null };
  return { providerJobId, cancel: () => client.cancel(job, quiet) };
};

const deliver = () => emulator.deliver?.();
const callAt = (index: number, changes: Record<string, string | null> = {}): WebhookCall => {
  const { headers, body } = heard[index] ?? expect.fail('no call came');
  const fresh = new Headers();
  for (const [name, value] of Object.entries({ ...headers, ...changes })) {
    if (typeof value === 'string' && name !== 'body') fresh.set(name, value);
  }
  return { headers: fresh, body: changes['body'] ?? body, now: clock.now() };
};
const secretOf = ({ more }: Emulator) => more?.['webhookSecret'] ?? expect.fail('no secret');

describe('the emulator', () => {
  test('tells of the end of a job once, at the address that went along with it, and not before', async () => {
    await begin();
    const { providerJobId } = await submit();
    await submit('Hi', null);
    expect(await deliver()).toBe(0);
    clock.advance({ minutes: 1 });
    expect([await deliver(), await deliver()]).toEqual([1, 0]);
    const [call] = heard;
    expect(call?.url).toBe('/callbacks/gemini/token');
    expect(JSON.parse(call?.body ?? '')).toEqual({
      type: 'batch.succeeded',
      version: 'v1',
      timestamp: '2026-11-22T10:00:22.000000000Z',
      data: { id: providerJobId, output_file_uri: providerJobId.replace('batches/', 'files/batch-') },
    });
    expect(call?.headers).toMatchObject({
      'content-type': 'application/json',
      'webhook-id': expect.stringMatching(/^msg_/),
      'webhook-timestamp': String(clock.now().getTime() / 1000),
    });
  });

  test('tells how a job ended, and of one that was cancelled only where the vendor does', async () => {
    for (const [cancelledWebhook, told] of [
      ['unsent', []],
      ['sent', ['batch.cancelled']],
    ] as const) {
      await begin({ cancelledWebhook });
      heard = [];
      await submit('emulate:job-failed');
      await submit('emulate:job-expired');
      const { cancel } = await submit();
      await cancel();
      clock.advance({ minutes: 1 });
      await deliver();
      const bodies = heard.map(({ body }) => JSON.parse(body));
      expect(bodies.map(({ type }) => type)).toEqual(['batch.failed', 'batch.expired', ...told]);
      expect(bodies[0].data).toMatchObject({ error_code: 3, error_message: expect.any(String) });
      await emulator.close();
    }
    await begin();
  });

  test('goes on where nobody listens, and tells them nothing later', async () => {
    await begin();
    await submit('Hi', 'http://127.0.0.1:9/nobody');
    await submit();
    clock.advance({ minutes: 1 });
    expect([await deliver(), await deliver()]).toEqual([2, 0]);
    expect(heard).toHaveLength(1);
  });
});

describe.each(['token', 'secret'] as const)('a call that is signed with a %s', (webhookSignature) => {
  beforeEach(async () => {
    await begin({ webhookSignature });
  });
  const called = async () => {
    const { providerJobId } = await submit();
    clock.advance({ minutes: 1 });
    await deliver();
    return providerJobId;
  };

  test('is an event about its job, under an id that repetitions share', async () => {
    const providerJobId = await called();
    const event = { kind: 'event', id: heard[0]?.headers['webhook-id'], providerJobId };
    expect(webhook.read(callAt(0), secretOf(emulator))).toEqual(event);
    clock.advance({ minutes: 5 });
    expect(webhook.read(callAt(0), secretOf(emulator))).toEqual(event);
    expect(gemini.settings.more?.['webhookSecret']?.pattern.test(secretOf(emulator))).toBe(true);
  });

  test('is refused where it is too old, from the future, changed, unsigned, or signed by somebody else', async () => {
    await called();
    const secret = secretOf(emulator);
    const signature = String(heard[0]?.headers['webhook-signature']);
    const reasonOf = (changes: Record<string, string | null>, by = secret) => {
      const reading = webhook.read(callAt(0, changes), by);
      return reading.kind === 'refused' ? reading.reason : reading.kind;
    };
    const at = (minutes: number) => String(clock.now().getTime() / 1000 + 60 * minutes);
    expect(reasonOf({ 'webhook-timestamp': at(-6) })).toMatch(/five minutes/);
    expect(reasonOf({ 'webhook-timestamp': at(6) })).toMatch(/five minutes/);
    expect(reasonOf({ 'webhook-timestamp': 'noon' })).not.toBe('event');
    for (const name of ['webhook-id', 'webhook-signature']) {
      expect(reasonOf({ [name]: null })).toMatch(/header .* missing/);
    }
    expect(reasonOf({ 'webhook-signature': `${signature.slice(0, -6)}AAAAAA` })).not.toBe('event');
    expect(reasonOf({ 'webhook-signature': 'nonsense' })).not.toBe('event');
    const other = await gemini.emulate({
      clock,
      switches: { webhookSignature: webhookSignature === 'token' ? 'secret' : 'token' },
    });
    expect(reasonOf({}, secretOf(other))).not.toBe('event');
    await other.close();
    for (const broken of ['whsec_', '{"keys":[]}', '{"keys":7}', '{', 'whsec_AAAA']) {
      expect(reasonOf({}, broken)).not.toBe('event');
    }
  });

  test('is taken as a hint where nothing is set to verify it with', async () => {
    const providerJobId = await called();
    const unsigned = callAt(0, { 'webhook-signature': null });
    expect(webhook).toMatchObject({ registration: 'JOB', secret: 'webhookSecret', unsignedAsHint: true });
    expect(webhook.read(unsigned, null)).toEqual({
      kind: 'event',
      id: heard[0]?.headers['webhook-id'],
      providerJobId,
    });
  });
});

test('a secret signs as the package for such calls verifies', async () => {
  await begin({ webhookSignature: 'secret' });
  await submit();
  clock.advance({ minutes: 1 });
  await deliver();
  const [call] = heard;
  const id = String(call?.headers['webhook-id']);
  const signed = new Webhook(secretOf(emulator)).sign(id, clock.now(), call?.body ?? '');
  expect(call?.headers['webhook-signature']).toBe(signed);
});

test('a token whose time is over is refused, and so is one of another kind', async () => {
  await begin();
  await submit();
  clock.advance({ minutes: 1 });
  await deliver();
  const secret = secretOf(emulator);
  const reasonOf = (changes: Record<string, string>) => {
    const reading = webhook.read(callAt(0, changes), secret);
    return reading.kind === 'refused' ? reading.reason : reading.kind;
  };
  const [head = '', claims = '', signature = ''] = String(heard[0]?.headers['webhook-signature']).split('.');
  const rewritten = (part: string, changes: object) =>
    Buffer.from(
      JSON.stringify({ ...JSON.parse(Buffer.from(part, 'base64url').toString()), ...changes }),
    ).toString('base64url');
  const token = (...parts: string[]) => ({ 'webhook-signature': parts.join('.') });
  expect(reasonOf(token(rewritten(head, { alg: 'none' }), claims, ''))).toMatch(/no token/);
  expect(reasonOf(token(rewritten(head, { alg: 'HS256' }), claims, signature))).toMatch(/no token/);
  expect(reasonOf(token(rewritten(head, { kid: 'other' }), claims, signature))).toMatch(/none of those/);
  expect(reasonOf(token(head, rewritten(claims, { exp: 9e9 }), signature))).toMatch(/does not fit/);
  expect(reasonOf(token(head, claims, signature, 'more'))).toMatch(/no token/);
  clock.advance({ minutes: 11 });
  const now = String(clock.now().getTime() / 1000);
  expect(reasonOf({ 'webhook-timestamp': now })).toMatch(/token has expired/);
});

for (const webhookJobId of ['name', 'bare'] as const) {
  test(`the job that a call is about is known by its address, where its id is a ${webhookJobId}`, async () => {
    await begin({ webhookJobId });
    const { providerJobId } = await submit();
    clock.advance({ minutes: 1 });
    await deliver();
    expect(webhook.read(callAt(0), null)).toMatchObject({
      kind: 'event',
      providerJobId: webhookJobId === 'name' ? providerJobId : null,
    });
  });
}

describe('what a call says', () => {
  const read = (body: string, headers = new Headers()) =>
    webhook.read({ headers, body, now: new Date('2026-01-22T12:00:00Z') }, null);
  beforeEach(() => begin());

  test('the call of the facts is an event, of a job that it does not name as we do', () => {
    const body = readFileSync(
      new URL('../../src/providers/gemini/fixtures/webhook.json', import.meta.url),
      'utf8',
    );
    expect(read(body)).toEqual({
      kind: 'event',
      id: expect.stringMatching(/^[0-9a-f]{64}$/),
      providerJobId: null,
    });
    expect(read(body)).toEqual(read(body));
    expect(read(`${body} `)).not.toEqual(read(body));
    expect(read(body, new Headers({ 'webhook-id': 'msg_1' }))).toMatchObject({ id: 'msg_1' });
  });

  test('a call about something else is ignored, and what is no call is refused', () => {
    expect(read('{"type":"video.generated","data":{"id":"x"}}').kind).toBe('ignored');
    expect(read('{"data":{}}').kind).toBe('ignored');
    expect(read('{"type":"batch.succeeded"}')).toMatchObject({ kind: 'event', providerJobId: null });
    for (const body of ['', '[]', 'null', '<html>']) expect(read(body).kind).toBe('refused');
  });
});
