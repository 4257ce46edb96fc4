/** Subscribers that stop reading for a while, with messages too large for the buffers between them and us. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as verbs from '../../src/batches/verbs.ts';
import type { OrganizationScope } from '../../src/domain/scope.ts';
import type { Services } from '../../src/services.ts';
import { expectToldExactly, heavyDocument, heavyMetadata, type Told } from '../support/live.ts';
import { rawTransports } from '../support/raw-subscribers.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { makeBatch } from '../support/verbs.ts';

let service: TestService;
let services: Services;
let scope: OrganizationScope;
let key: string;
beforeAll(async () => {
  service = await startTestService();
  ({ services } = service.app);
  ({ key, scope } = await service.addOrganization('slow'));
});
afterAll(() => service.close());

/** How often a follower has read, since the statements were last forgotten. */
const readings = () => service.statements.filter((statement) => statement.includes('as k(id, after)')).length;
const rename = (id: string, name: string) => verbs.updateBatch(services, scope, id, { name });

describe.each(Object.entries(rawTransports))(
  'A subscriber over %s that does not read',
  (_name, subscribe) => {
    it('is read for no further than what is stuck on its way, then gets the rest as one change', async () => {
      const { id, organizationId } = await makeBatch(services, scope, { submit: { kind: 'MANUAL' } });
      await verbs.updateBatch(services, scope, id, { metadata: heavyMetadata });
      service.statements.length = 0;
      const subscriber = subscribe({ url: service.url, query: heavyDocument, variables: { id }, key });
      await subscriber.received(1);
      subscriber.pause();

      await rename(id, 'stuck on its way');
      await expect.poll(readings).toBeGreaterThanOrEqual(2);
      for (let count = 0; count < 100; count += 1) await rename(id, `name ${count}`);
      for (let count = 0; count < 10_000; count += 1) services.hub.announce({ organizationId, batchId: id });
      // One message is stuck in the connection, and at the most one more was prepared behind it.
      expect(readings()).toBeLessThanOrEqual(3);
      expect(services.hub.size).toBe(1);

      subscriber.resume();
      await verbs.cancelBatch(services, scope, id);
      await subscriber.completed;
      const told: Told[] = subscriber.messages.map(({ data }) => data.batchUpdated);
      expect(told.length).toBeLessThanOrEqual(5);
      expect(Math.max(...told.map(({ fromSeq, seq }) => seq - fromSeq))).toBeGreaterThan(90);
      await expectToldExactly(service, id, told);
      expect(services.hub.size).toBe(0);
      subscriber.destroy();
    });
  },
);
