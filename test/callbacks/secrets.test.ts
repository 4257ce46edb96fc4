/** What callbacks are signed with: one secret for each organization, and two while receivers change over. */
import { sql } from 'drizzle-orm';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { cancelBatch } from '../../src/batches/cancel.ts';
import { presentSecret, rotateSecret, signingSecrets } from '../../src/callbacks/secrets.ts';
import type { OrganizationScope } from '../../src/domain/scope.ts';
import type { Services } from '../../src/services.ts';
import { type ReceivedCall, type Receiver, startReceiver, verified } from '../support/receiver.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { makeBatch } from '../support/verbs.ts';

let service: TestService;
let services: Services;
let scope: OrganizationScope;
let receiver: Receiver;
beforeAll(async () => {
  receiver = await startReceiver();
  service = await startTestService({ CALLBACK_ALLOW: '127.0.0.1' });
  services = service.app.services;
});
beforeEach(async () => {
  ({ scope } = await service.addOrganization('signing'));
});
afterAll(async () => {
  await service.close();
  await receiver.close();
});

/** The call that tells of the end of a new batch. */
async function nextCall(): Promise<ReceivedCall> {
  const submit = { kind: 'MANUAL' } as const;
  const { id } = await makeBatch(services, scope, { submit, callbackUrl: receiver.url });
  await cancelBatch(services, scope, id);
  await service.work();
  const [call] = receiver.calls.splice(0);
  if (call === undefined) throw new Error('nobody called');
  return call;
}

const signaturesOf = ({ headers }: ReceivedCall): string[] => String(headers['webhook-signature']).split(' ');
const isGenuine = (call: ReceivedCall, secret: string): boolean => {
  try {
    return verified(call, secret, service.clock.now()) !== undefined;
  } catch {
    return false;
  }
};
const secretNow = async (): Promise<string> => (await presentSecret(services, scope))?.secret ?? '';

describe('A secret', () => {
  it('is made once when it is first needed, however many need it at once', async () => {
    expect(await presentSecret(services, scope)).toBeNull();
    const asked = Array.from({ length: 10 }, () => signingSecrets(services, scope.organizationId));
    const answers = (await Promise.all(asked)).flat();
    expect(new Set(answers).size).toBe(1);
    expect(await secretNow()).toBe(answers[0]);
    expect(answers[0]).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  });

  it('signs the id, the moment and the very bytes, so that one changed sign is noticed', async () => {
    const call = await nextCall();
    const secret = await secretNow();
    expect(signaturesOf(call)).toHaveLength(1);
    expect(isGenuine(call, secret)).toBe(true);
    expect(isGenuine({ ...call, body: `${call.body} ` }, secret)).toBe(false);
    for (const name of ['webhook-id', 'webhook-timestamp', 'webhook-signature']) {
      const text = String(call.headers[name]);
      const other = text.endsWith('1') ? '2' : '1';
      const headers = { ...call.headers, [name]: `${text.slice(0, -1)}${other}` };
      expect(isGenuine({ ...call, headers }, secret), name).toBe(false);
    }
    const at = new Date(Number(call.headers['webhook-timestamp']) * 1000);
    const signature = new Webhook(secret).sign(String(call.headers['webhook-id']), at, call.body);
    expect(signaturesOf(call)).toEqual([signature]);
  });

  it('is of one organization alone', async () => {
    const call = await nextCall();
    const { scope: stranger } = await service.addOrganization('stranger');
    expect(await presentSecret(services, stranger)).toBeNull();
    const { secret } = await rotateSecret(services, stranger, 0);
    expect(isGenuine(call, secret)).toBe(false);
    expect(await secretNow()).not.toBe(secret);
  });
});

describe('A rotation', () => {
  it('lets both secrets sign until the grace is over, and the new one alone from then on', async () => {
    await nextCall();
    const old = await secretNow();
    const rotated = await rotateSecret(services, scope, 3_600);
    expect(rotated).toEqual({
      secret: await secretNow(),
      createdAt: service.clock.now(),
      previousExpiresAt: new Date(service.clock.now().getTime() + 3_600_000),
    });
    const during = await nextCall();
    expect(signaturesOf(during)).toHaveLength(2);
    expect([old, rotated.secret].map((secret) => isGenuine(during, secret))).toEqual([true, true]);

    service.clock.advance({ seconds: 3_600 });
    const after = await nextCall();
    expect(signaturesOf(after)).toHaveLength(1);
    expect([old, rotated.secret].map((secret) => isGenuine(after, secret))).toEqual([false, true]);
    expect(await presentSecret(services, scope)).toMatchObject({ previousExpiresAt: null });
  });

  it('without grace ends the old secret at once', async () => {
    await nextCall();
    const old = await secretNow();
    const { secret, previousExpiresAt } = await rotateSecret(services, scope, 0);
    expect(previousExpiresAt).toBeNull();
    const call = await nextCall();
    expect([old, secret].map((each) => isGenuine(call, each))).toEqual([false, true]);
  });

  it('that follows another within its grace leaves the newest two', async () => {
    const secrets = [];
    for (let count = 0; count < 3; count += 1) {
      secrets.push((await rotateSecret(services, scope, 3_600)).secret);
      service.clock.advance({ seconds: 1 });
    }
    const call = await nextCall();
    expect(signaturesOf(call)).toHaveLength(2);
    expect(secrets.map((secret) => isGenuine(call, secret))).toEqual([false, true, true]);
    const { rows } = await services.db.read((q) =>
      q.execute(
        sql`select count(*)::int as kept from callback_secrets where organization_id = ${scope.organizationId}`,
      ),
    );
    expect(rows).toEqual([{ kept: 2 }]);
  });

  it('at the same moment as others leaves one present secret', async () => {
    const all = await Promise.all(Array.from({ length: 6 }, () => rotateSecret(services, scope, 3_600)));
    const signing = await signingSecrets(services, scope.organizationId);
    expect(signing).toHaveLength(2);
    expect(all.map(({ secret }) => secret)).toContain(signing[0]);
    expect(signing[0]).toBe(await secretNow());
  });
});
