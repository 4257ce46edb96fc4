/** Who did what: every mutation leaves its entry, whatever comes of it, and one that did something never without it. */
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { audited, noTarget } from '../../src/audit/audited.ts';
import type { OrganizationScope } from '../../src/domain/scope.ts';
import { NotFoundError } from '../../src/errors.ts';
import { keepHouse } from '../../src/worker/sweep.ts';
import { chatBody } from '../support/documents.ts';
import { addKey } from '../support/keys.ts';
import { mutate, mutationDocument } from '../support/mutations.ts';
import { forEveryKey, leastInput, mutationNames, nobodysId } from '../support/sample-inputs.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { batchNow } from '../support/verbs.ts';

let service: TestService;
let acme: { key: string; scope: OrganizationScope };
let reader: string;
beforeAll(async () => {
  service = await startTestService({ CALLBACK_ALLOW: '127.0.0.1' });
  acme = await service.addOrganization('Acme');
  reader = await addKey(service, acme.scope, { name: 'reader', scope: 'read' });
});
afterAll(() => service.close());

const fields = 'verb outcome at apiKey { name } batchId batch { name } jobId subjectKey { name }';
const trailDocument = `query($first: Int, $after: String) { viewer { organization {
  audit(first: $first, after: $after) { totalCount pageInfo { endCursor } edges { node { ${fields} } } } } } }`;
interface Entry {
  verb: string;
  outcome: string;
  batchId: string | null;
  [field: string]: unknown;
}
const trail = async (variables = {}, key = acme.key) =>
  (await service.query(trailDocument, variables, key)).data.viewer.organization.audit;
const nodesOf = (connection: { edges: { node: Entry }[] }) => connection.edges.map(({ node }) => node);

/** What the calls that `work` makes leave behind, oldest first. */
async function entriesOf(work: () => Promise<unknown>, key = acme.key): Promise<Entry[]> {
  const before = (await trail({ first: 0 }, key)).totalCount;
  // Entries of the same millisecond have no order among each other.
  service.clock.advance({ seconds: 0.01 });
  await work();
  const after = await trail({ first: 100 }, key);
  return nodesOf(after)
    .slice(0, after.totalCount - before)
    .toReversed();
}

describe.each(mutationNames)('The mutation %s', (name) => {
  const call = (key: string) =>
    service.query(mutationDocument(name), { input: leastInput(name) }, key).then(({ data }) => data?.[name]);

  it('leaves one entry with what came of it', async () => {
    let answer: { code?: string } = {};
    const entries = await entriesOf(async () => {
      answer = await call(acme.key);
    });
    const at = service.clock.now().toISOString();
    const outcome = answer.code ?? 'OK';
    expect(entries).toEqual([expect.objectContaining({ verb: name, outcome, at, apiKey: { name: 'Acme' } })]);
  });

  it('leaves one entry where the key may only read', async () => {
    const entries = await entriesOf(() => call(reader));
    const outcome = forEveryKey.includes(name) ? 'OK' : 'FORBIDDEN';
    expect(entries).toMatchObject([{ verb: name, outcome, apiKey: { name: 'reader' } }]);
  });
});

it('A dry run leaves no entry, as it does nothing', async () => {
  const input = { provider: 'openai', model: 'gpt-5-mini', dryRun: true };
  const entries = await entriesOf(() => mutate(service, 'createBatch', input, { key: acme.key }));
  expect(entries).toEqual([]);
});

describe('What was done to a batch', () => {
  it('is in its own trail, newest first, and in the page of the organization, also once it is deleted', async () => {
    const list = [{ body: chatBody('S3CRET') }];
    const options = { key: acme.key };
    let batchId = '';
    const call = async (name: string, input: Record<string, unknown> = {}) => {
      service.clock.advance({ seconds: 0.01 });
      return mutate(service, name, { batchId, ...input }, options);
    };
    const entries = await entriesOf(async () => {
      const made = await mutate(service, 'createBatch', { provider: 'openai', name: 'S3CRET' }, options);
      batchId = made.batch.id;
      await call('addRequests', { requests: { list } });
      await call('updateBatch', { metadata: { marker: 'S3CRET' } });
      await call('submitBatch');
      await call('submitBatch');
      await call('addRequests', { requests: { list } });
      await call('cancelBatch');
      const document = `query($id: ID!) { batch(id: $id) { audit(first: 100) { totalCount edges { node { verb outcome apiKey { name } } } } } }`;
      const { data } = await service.query(document, { id: batchId }, reader);
      expect(data.batch.audit.totalCount).toBe(7);
      expect(nodesOf(data.batch.audit).map(({ verb, outcome }) => `${verb} ${outcome}`)).toEqual([
        'cancelBatch OK',
        'addRequests WRONG_BATCH_STATE',
        'submitBatch OK',
        'submitBatch OK',
        'updateBatch OK',
        'addRequests OK',
        'createBatch OK',
      ]);
      await call('deleteBatch');
    });
    expect(entries.at(-1)).toMatchObject({ verb: 'deleteBatch', outcome: 'OK', batchId, batch: null });
    expect(new Set(entries.map((entry) => entry.batchId))).toEqual(new Set([batchId]));
    expect(JSON.stringify(await everyRow())).not.toContain('S3CRET');
  });

  it('names the job that it was about, and the key', async () => {
    const { apiKey } = await mutate(
      service,
      'createApiKey',
      { name: 'subject', scope: 'READ' },
      { key: acme.key },
    );
    const entries = await entriesOf(async () => {
      await mutate(service, 'revokeApiKey', { apiKeyId: apiKey.id }, { key: acme.key });
      service.clock.advance({ seconds: 0.01 });
      await mutate(
        service,
        'resolveJob',
        { jobId: nobodysId, resolution: { notCreated: true } },
        { key: acme.key },
      );
    });
    expect(entries).toMatchObject([
      { verb: 'revokeApiKey', subjectKey: { name: 'subject' }, jobId: null },
      {
        verb: 'resolveJob',
        outcome: 'NOT_FOUND',
        jobId: Buffer.from(`Job:${nobodysId}`).toString('base64'),
      },
    ]);
  });

  it('is paged through by cursors without a gap', async () => {
    const { totalCount } = await trail();
    const seen: Entry[] = [];
    for (let after: string | null = null; seen.length < totalCount; ) {
      const page = await trail({ first: 7, after });
      expect(page.edges.length).toBeGreaterThan(0);
      seen.push(...nodesOf(page));
      after = page.pageInfo.endCursor;
    }
    expect(seen).toEqual(nodesOf(await trail({ first: 100 })));
  });
});

describe('An entry', () => {
  it.each([
    ['createBatch', () => ({ provider: 'openai', name: 'never' })],
    ['updateBatch', (batchId: string) => ({ batchId, name: 'never' })],
    ['cancelBatch', (batchId: string) => ({ batchId })],
    ['deleteBatch', (batchId: string) => ({ batchId })],
    ['rotateCallbackSecret', () => ({})],
    ['createApiKey', () => ({ name: 'never', scope: 'READ' })],
  ])(
    'of %s commits with what it did: where it cannot be written, nothing is done',
    async (verb, inputFor) => {
      const { batch } = await mutate(
        service,
        'createBatch',
        { provider: 'openai' },
        { key: acme.key, batch: 'id uuid' },
      );
      const before = [
        await batchNow(service.app.services, batch.uuid),
        await everyRow('batches'),
        await everyRow('api_keys'),
      ];
      await execute(`alter table audit add constraint refused check (outcome <> 'OK') not valid`);
      try {
        const entries = await entriesOf(() =>
          service.query(mutationDocument(verb), { input: inputFor(batch.id) }, acme.key),
        );
        expect(entries).toMatchObject([{ verb, outcome: 'INTERNAL_SERVER_ERROR' }]);
      } finally {
        await execute('alter table audit drop constraint refused');
      }
      const now = [
        await batchNow(service.app.services, batch.uuid),
        await everyRow('batches'),
        await everyRow('api_keys'),
      ];
      expect(now).toEqual(before);
    },
  );

  it('of a call that failed tells what was done, where something was, and else why it was refused', async () => {
    const { services } = service.app;
    const call = { verb: 'tried', organizationId: acme.scope.organizationId, target: noTarget };
    const endings = [
      ['OK', true, new Error('the answer was lost')],
      ['INTERNAL_SERVER_ERROR', false, new Error('nothing was done')],
      ['NOT_FOUND', true, new NotFoundError('batch', nobodysId)],
    ] as const;
    for (const [outcome, commits, error] of endings) {
      const entries = await entriesOf(async () => {
        const tried = audited(services, acme.scope, call, async (db) => {
          if (commits) await db.transaction(async () => undefined);
          throw error;
        });
        await expect(tried).rejects.toBe(error);
      });
      expect(entries).toMatchObject([{ verb: 'tried', outcome }]);
    }
  });

  it("of a call about another organization's batch is the caller's alone, and tells nothing of the batch", async () => {
    const globex = await service.addOrganization('Globex');
    const { batch } = await mutate(
      service,
      'createBatch',
      { provider: 'openai', name: 'private' },
      { key: acme.key },
    );
    await mutate(service, 'cancelBatch', { batchId: batch.id }, { key: globex.key });
    expect(nodesOf(await trail({}, globex.key))).toMatchObject([
      { verb: 'cancelBatch', outcome: 'NOT_FOUND', batch: null, apiKey: { name: 'Globex' } },
    ]);
    const document = 'query($id: ID!) { batch(id: $id) { audit { totalCount edges { node { verb } } } } }';
    const { data } = await service.query(document, { id: batch.id }, acme.key);
    expect(data.batch.audit).toEqual({ totalCount: 1, edges: [{ node: { verb: 'createBatch' } }] });
  });

  it('is kept as long as events are', async () => {
    const { key } = await service.addOrganization('Old');
    await mutate(service, 'createBatch', { provider: 'openai' }, { key });
    const { eventRetentionDays } = service.app.services.settings;
    service.clock.advance({ hours: 24 * eventRetentionDays });
    await keepHouse(service.app.services);
    expect((await trail({}, key)).totalCount).toBe(1);
    service.clock.advance({ seconds: 1 });
    await keepHouse(service.app.services);
    expect((await trail({}, key)).totalCount).toBe(0);
  });
});

const execute = (statement: string) => service.app.services.db.read((q) => q.execute(sql.raw(statement)));
const everyRow = async (table = 'audit') =>
  (await execute(`select to_jsonb(t) - 'last_used_at' as row from ${table} t order by id`)).rows;
