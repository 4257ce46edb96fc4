/** Signed calls, against the vectors of the specification's own library and of a vendor's. */
import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { readSignedCall } from '../../src/providers/standard-webhook.ts';

/** A call as the tests of the `standardwebhooks` package sign it. */
const vector = {
  secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  seconds: 1_614_265_330,
  body: '{"test": 2432232314}',
  signature: 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
};
/** A call of OpenAI's, as the tests of the `openai` package have it. */
const openaiVector = {
  secret: 'whsec_RdvaYFYUXuIFuEbvZHwMfYFhUf7aMYjYcmM24+Aj40c=',
  id: 'wh_685c059ae39c8190af8c71ed1022a24d',
  seconds: 1_750_861_210,
  body: '{"id": "evt_685c059ae3a481909bdc86819b066fb6", "object": "event", "created_at": 1750861210, "type": "response.completed", "data": {"id": "resp_123"}}',
  signature: 'v1,gUAg4R2hWouRZqRQG4uJypNS8YK885G838+EHb4nKBY=',
};
const other = 'v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=';

type Call = typeof vector;

/** How a call is read, with some of its parts changed; a header that is null is left out. */
const read = (
  { secret, id, seconds, body, signature }: Call,
  changes: {
    headers?: Record<string, string | null>;
    body?: string;
    secret?: string | null;
    late?: number;
  } = {},
) => {
  const headers = new Headers();
  const all = { 'webhook-id': id, 'webhook-timestamp': String(seconds), 'webhook-signature': signature };
  for (const [name, value] of Object.entries({ ...all, ...changes.headers })) {
    if (value !== null) headers.set(name, value);
  }
  const now = new Date((seconds + (changes.late ?? 0)) * 1000);
  const call = { headers, body: changes.body ?? body, now };
  return readSignedCall(call, changes.secret === undefined ? secret : changes.secret);
};

const refused = { kind: 'refused', reason: expect.any(String) };

describe.each([
  ['the specification', vector],
  ["OpenAI's own tests", openaiVector],
])('a call with the vector of %s', (_, call) => {
  const genuine = { kind: 'genuine', id: call.id };

  test('is genuine, and told apart by its id', () => {
    expect(read(call)).toEqual(genuine);
  });

  test('is genuine with the secret in base64 alone', () => {
    expect(read(call, { secret: call.secret.slice('whsec_'.length) })).toEqual(genuine);
  });

  test('is genuine up to five minutes before and after it was signed, and no second more', () => {
    expect(read(call, { late: 300 })).toEqual(genuine);
    expect(read(call, { late: -300 })).toEqual(genuine);
    expect(read(call, { late: 300.999 })).toEqual(genuine);
    expect(read(call, { late: 301 })).toEqual(refused);
    expect(read(call, { late: -301 })).toEqual(refused);
  });

  test('is genuine when one of several signatures fits, at any place', () => {
    const v2 = call.signature.replace('v1', 'v2');
    for (const signatures of [
      [call.signature, other],
      [other, v2, call.signature],
      [other, 'v1', ',', '', call.signature],
      [...Array.from({ length: 100 }, () => other), call.signature],
    ]) {
      expect(read(call, { headers: { 'webhook-signature': signatures.join(' ') } })).toEqual(genuine);
    }
  });

  test('is refused when no signature of the version that is known fits', () => {
    for (const signature of [
      other,
      call.signature.replace('v1', 'v2'),
      call.signature.replace('v1,', 'v1a,'),
      call.signature.slice('v1,'.length),
      call.signature.slice(0, 8),
      `${call.signature}=`,
      'v1,',
      'v1,é',
      ' ',
    ]) {
      expect(read(call, { headers: { 'webhook-signature': signature } })).toEqual(refused);
    }
  });

  test('is refused when a single one of its parts is another', () => {
    expect(read(call, { body: `${call.body} ` })).toEqual(refused);
    expect(read(call, { headers: { 'webhook-id': `${call.id}0` } })).toEqual(refused);
    expect(read(call, { headers: { 'webhook-timestamp': String(call.seconds + 1) } })).toEqual(refused);
    expect(read(call, { secret: 'whsec_AAAA' })).toEqual(refused);
  });

  test('is refused without one of its headers, or with an empty one', () => {
    for (const name of ['webhook-id', 'webhook-timestamp', 'webhook-signature']) {
      expect(read(call, { headers: { [name]: null } })).toEqual(refused);
      expect(read(call, { headers: { [name]: '' } })).toEqual(refused);
    }
  });

  test('is refused when its time is no plain number of seconds', () => {
    for (const written of [
      `0${call.seconds}`,
      `${call.seconds}.0`,
      `+${call.seconds}`,
      'hello',
      '1e9',
      '-1',
    ]) {
      expect(read(call, { headers: { 'webhook-timestamp': written } })).toEqual(refused);
    }
  });

  test('is refused, and nothing is thrown, when there is no secret or a malformed one', () => {
    for (const secret of [null, '', 'whsec_', 'whsec_%%%', 'not base64!', 'whsec_YQ', '🙂']) {
      expect(read(call, { secret })).toEqual(refused);
    }
  });

  test('is refused for a reason that quotes nothing of it', () => {
    for (const changes of [
      { secret: 'whsec_%%%secret' },
      { body: 'private' },
      { headers: { 'webhook-id': 'private' } },
      { headers: { 'webhook-timestamp': 'private' } },
    ]) {
      expect(JSON.stringify(read(call, changes))).not.toMatch(/private|%%%|secret"?:|whsec/);
    }
  });
});

describe("the library's own check, at the same instant,", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  const accepts = (call: { secret: string; headers: Record<string, string>; body: string }, now: number) => {
    vi.useFakeTimers({ toFake: ['Date'], now });
    try {
      new Webhook(call.secret).verify(call.body, call.headers, { jsonParse: false });
      return true;
    } catch {
      return false;
    }
  };

  test('accepts exactly what is genuine here, whatever the secret, the body, the id and the time', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 64 }),
        fc.string({ unit: 'grapheme', minLength: 1 }),
        fc.stringMatching(/^[!-~]{1,40}$/),
        fc.integer({ min: -310, max: 310 }),
        fc.constantFrom('as signed', 'other body', 'other id', 'other secret', 'other version'),
        (key, body, id, late, change) => {
          const seconds = 1_790_000_000;
          const secret = `whsec_${Buffer.from(key).toString('base64')}`;
          const signature = new Webhook(secret).sign(id, new Date(seconds * 1000), body);
          const headers = {
            'webhook-id': change === 'other id' ? `${id}x` : id,
            'webhook-timestamp': String(seconds),
            'webhook-signature': change === 'other version' ? signature.replace('v1', 'v2') : signature,
          };
          const call = {
            headers,
            body: change === 'other body' ? `${body}x` : body,
            secret:
              change === 'other secret' ? `whsec_${Buffer.from([...key, 1]).toString('base64')}` : secret,
          };
          const now = (seconds + late) * 1000;
          const ours = readSignedCall(
            { headers: new Headers(headers), body: call.body, now: new Date(now) },
            call.secret,
          );
          expect(ours.kind === 'genuine').toBe(accepts(call, now));
          expect(ours.kind === 'genuine').toBe(change === 'as signed' && Math.abs(late) <= 300);
        },
      ),
      { numRuns: 300 },
    );
  });
});
