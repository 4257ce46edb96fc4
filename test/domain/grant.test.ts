import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { downloadKinds } from '../../src/domain/download.ts';
import { decodeGrant, encodeGrant, type Grant } from '../../src/domain/grant.ts';
import { createReadTokenInput, grantEnd } from '../../src/domain/read-token.ts';
import { createGrantSigner } from '../../src/grant-signer.ts';

const ids = (maxLength: number) => fc.array(fc.uuid(), { minLength: 1, maxLength });
const what = fc.oneof(
  fc.constant({ reads: 'batches' as const, batchIds: null }),
  ids(100).map((batchIds) => ({ reads: 'batches' as const, batchIds })),
  fc.tuple(fc.constantFrom(...downloadKinds), ids(1)).map(([reads, batchIds]) => ({ reads, batchIds })),
);
const grants: fc.Arbitrary<Grant> = fc
  .record({ apiKeyId: fc.uuid(), milliseconds: fc.nat(4_102_444_800_000), what })
  .map(({ apiKeyId, milliseconds, what }) => ({ apiKeyId, expiresAt: new Date(milliseconds), ...what }));
const hashes = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes));

describe('A grant', () => {
  it('is read back as it was written', () => {
    fc.assert(
      fc.property(grants, (grant) => {
        expect(decodeGrant(encodeGrant(grant))).toEqual(grant);
      }),
    );
  });

  it('is written as no other grant is', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
        const read = decodeGrant(Buffer.from(bytes));
        if (read !== null) expect(encodeGrant(read)).toEqual(Buffer.from(bytes));
      }),
    );
  });

  it('is believed where its key has signed it, and no other key, deployment or word', () => {
    fc.assert(
      fc.property(grants, hashes, hashes, fc.nat(), (grant, hash, other, at) => {
        fc.pre(!hash.equals(other));
        const signer = createGrantSigner('the secret of one deployment');
        const text = signer.sign(hash, grant);
        expect(signer.read(text)).toEqual(grant);
        expect(signer.isSigned(hash, text)).toBe(true);
        expect(signer.isSigned(other, text)).toBe(false);
        expect(createGrantSigner('of another one').isSigned(hash, text)).toBe(false);
        expect(createGrantSigner(null).isSigned(hash, text)).toBe(false);
        const bytes = Buffer.from(text, 'base64url');
        bytes.writeUInt8((bytes.readUInt8(at % bytes.length) + 1) % 256, at % bytes.length);
        expect(signer.isSigned(hash, bytes.toString('base64url'))).toBe(false);
      }),
      { numRuns: 50 },
    );
  });

  it('is nothing in any other text, whatever it is', () => {
    const signer = createGrantSigner(null);
    fc.assert(
      fc.property(fc.string(), hashes, (text, hash) => {
        expect(signer.isSigned(hash, text)).toBe(false);
      }),
    );
    const text = signer.sign(Buffer.alloc(32), {
      apiKeyId: '01900000-0000-7000-8000-000000000000',
      expiresAt: new Date(0),
      reads: 'batches',
      batchIds: null,
    });
    for (const odd of [`${text}=`, `${text}\n`, text.slice(0, -1), '', `${text}${text}`])
      expect(signer.read(odd)).toBeNull();
  });

  it('ends with whatever it follows from', () => {
    const [now, soon, late] = [0, 5000, 50_000].map((time) => new Date(time)) as [Date, Date, Date];
    expect(grantEnd(now, 10, null, null)).toEqual(new Date(10_000));
    expect(grantEnd(now, 10, late, soon)).toEqual(soon);
  });
});

describe('A read token', () => {
  const issues = (input: unknown) =>
    createReadTokenInput.safeParse(input).error?.issues.map(({ message }) => message);

  it('may be asked for at most a hundred batches and a day', () => {
    expect(issues({ batches: { ids: ['x'] }, expiresInSeconds: 86_400 })).toBeUndefined();
    expect(issues({ batches: { all: true } })).toBeUndefined();
    expect(issues({ batches: { ids: [] } })).toEqual(['ids must name a batch.']);
    expect(issues({ batches: { ids: Array(101).fill('x') } })).toEqual(['ids may name at most 100 batches.']);
    expect(issues({ batches: { all: false } })).toEqual(['all must be true; name ids for less.']);
    for (const expiresInSeconds of [0, -1, 86_401])
      expect(issues({ batches: { all: true }, expiresInSeconds })).toEqual([
        'expiresInSeconds must be from 1 to 86400.',
      ]);
  });
});
