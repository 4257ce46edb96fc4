/** What callers call their requests stays theirs: no provider sees it, and none of their rules bind it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createBatch } from '../../src/batches/create.ts';
import type { OrganizationScope } from '../../src/domain/scope.ts';
import { findProvider } from '../../src/providers/registry.ts';
import { bodyFor, modelFor } from '../support/documents.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { batchNow, itemsNow, jobNow, workNext } from '../support/verbs.ts';

let service: TestService;
let scope: OrganizationScope;
beforeAll(async () => {
  service = await startTestService({ SANDBOX_SECONDS: '1' });
  ({ scope } = await service.addOrganization('odd names'));
});
afterAll(() => service.close());

const odd = [
  'a'.repeat(65),
  '𝒳'.repeat(512),
  'Zwölf Boxkämpfer 🥊 ‏עברית',
  `"}\n{"custom_id":"0`,
  `'; drop table items; --`,
  '../../etc/passwd\r\nx: y',
  '{{7*7}} $(id) %s%n <script>',
  ' ',
];

describe.each(['anthropic', 'openai', 'bedrock', 'gemini', 'mistral', 'xai', 'letta', 'sync'])(
  'Names that no provider would take, at %s',
  (name) => {
    it('come back as they were given, each with its own answer, and the provider sees only ours', async () => {
      const { services } = service.app;
      const most = Math.max(odd.length, findProvider(name)?.limits.requestsMin ?? 1);
      const names = Array.from({ length: most }, (_, index) => odd[index] ?? `plain ${index}`);
      const { batch } = await createBatch(services, scope, {
        provider: name,
        ...modelFor(name),
        submit: { kind: 'NOW' },
        requests: {
          kind: 'list',
          requests: names.map((customId, index) => ({
            customId,
            body: bodyFor(name, `question ${index}`, '', index),
          })),
        },
      });
      const { id } = batch;
      while (await workNext(services, service.clock, id));
      expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED', succeeded: most });
      expect((await itemsNow(services, id)).map(({ customId }) => customId)).toEqual(names);
      const { providerJobId } = await jobNow(services, id);
      const made = (await service.emulator(name).batches()).find((batch) => batch.id === providerJobId);
      for (const key of made?.keys ?? []) expect(key).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
    });
  },
);
