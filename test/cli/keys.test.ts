/** Organizations and keys by the command line, beside a service that runs on the same database. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditPage } from '../../src/db/queries/audit.ts';
import { createTestDatabase } from '../support/database.ts';
import { mutate } from '../support/mutations.ts';
import { runBatchql } from '../support/processes.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { transports } from '../support/subscribers.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());

/** How a command ends, and its lines. */
async function batchql(args: readonly string[], url = service.app.databaseUrl) {
  const run = runBatchql(args, { DATABASE_URL: url });
  const code = await run.exit;
  const lines = run.output().trimEnd().split('\n');
  return { code, lines, last: lines.at(-1) ?? '' };
}
/** What was written of the organization's calls. */
async function trailOf(organizationId: string) {
  const scope = { kind: 'organization', organizationId, apiKeyId: '', access: 'admin', grant: null } as const;
  const page = { limit: 100, order: 'ascending', beyond: null } as const;
  const rows = await service.app.services.db.read((q) => auditPage(scope, q, page));
  return rows.map(({ verb, outcome, apiKeyId, subjectKeyId }) => ({ verb, outcome, apiKeyId, subjectKeyId }));
}
const keyIn = ({ lines }: { lines: string[] }) => lines.find((line) => /^bq_[0-9a-f]{64}$/.test(line)) ?? '';

describe('On a service that runs', () => {
  it('an organization is made, gets a key that signs in at once, and keeps it until it is revoked', async () => {
    const { code, last: organizationId } = await batchql(['org', 'create', 'Acme']);
    expect(code).toBe(0);
    expect((await batchql(['org', 'list'])).lines).toContainEqual(
      expect.stringContaining(`| ${organizationId} | Acme | `),
    );
    const made = await batchql([
      'key',
      'create',
      '--org',
      'Acme',
      '--scope',
      'admin',
      '--name',
      'first',
      '--expires',
      '90d',
    ]);
    const key = keyIn(made);
    const { data } = await service.query(
      '{ viewer { organization { id name } apiKey { id name prefix scope createdBy { id } } } }',
      {},
      key,
    );
    const { id } = data.viewer.apiKey;
    expect(data.viewer).toEqual({
      organization: { id: organizationId, name: 'Acme' },
      apiKey: { id, name: 'first', prefix: key.slice(0, 11), scope: 'ADMIN', createdBy: null },
    });
    expect(made.lines.join()).toContain(`Key ${id} of Acme, until `);

    const { batch } = await mutate(service, 'createBatch', { provider: 'openai' }, { key });
    const query = 'subscription($id: ID!) { batchUpdated(id: $id) { seq } }';
    const stream = transports.WebSocket({ url: service.url, query, variables: { id: batch.id }, key });
    await stream.waitFor(() => true);
    expect(await batchql(['key', 'revoke', id])).toMatchObject({ code: 0 });
    await expect(stream.done).rejects.toMatchObject({ code: 4403 });
    expect(new Set(await trailOf(organizationId))).toEqual(
      new Set([
        { verb: 'createOrganization', outcome: 'OK', apiKeyId: null, subjectKeyId: null },
        { verb: 'createApiKey', outcome: 'OK', apiKeyId: null, subjectKeyId: id },
        { verb: 'createBatch', outcome: 'OK', apiKeyId: id, subjectKeyId: null },
        { verb: 'revokeApiKey', outcome: 'OK', apiKeyId: null, subjectKeyId: id },
      ]),
    );
    const list = (await batchql(['key', 'list', '--org', organizationId])).lines;
    expect(list).toEqual([
      expect.stringContaining('| id | organization | name | prefix |'),
      expect.stringContaining('---'),
      expect.stringContaining(`| ${id} | Acme | first | ${key.slice(0, 11)} | admin | revoked `),
    ]);
    expect(list.join()).not.toContain(key);
  });

  it('an organization that lost its last admin key gets another', async () => {
    const { key } = await service.addOrganization('Locked out');
    const { data } = await service.query('{ viewer { apiKey { id } } }', {}, key);
    await mutate(service, 'revokeApiKey', { apiKeyId: data.viewer.apiKey.id }, { key });
    expect((await service.query('{ viewer { sandbox } }', {}, key)).errors).toBeDefined();
    const made = await batchql(['key', 'create', '--org', 'Locked out', '--scope', 'admin', '--name', 'new']);
    const answer = await service.query('{ viewer { organization { name } } }', {}, keyIn(made));
    expect(answer.data.viewer).toEqual({ organization: { name: 'Locked out' } });
  });

  it.each([
    [['org', 'create', 'Sandbox'], 'There is an organization called so already: '],
    [
      ['key', 'create', '--org', 'Nobody', '--scope', 'read', '--name', 'x'],
      'There is no organization Nobody',
    ],
    [
      ['key', 'create', '--org', 'Sandbox', '--scope', 'read', '--name', 'x', '--expires', 'soon'],
      '--expires must be such as 12h, 90d or',
    ],
    [['key', 'create', '--org', 'Sandbox', '--scope', 'read', '--name', ''], 'name must be 1 to 128'],
    [['key', 'revoke', '01900000-0000-7000-8000-000000000000'], 'There is no key with this id'],
  ])('%j is refused in one sentence', async (args, sentence) => {
    const { code, lines } = await batchql(args);
    expect(code).toBe(1);
    expect(lines).toEqual([expect.stringContaining(sentence)]);
  });
});

it('On an empty database an organization can be made before the service ever ran', async () => {
  const empty = await createTestDatabase('nothing');
  try {
    expect((await batchql(['org', 'create', 'Early'], empty.url)).code).toBe(0);
    expect((await batchql(['org', 'list'], empty.url)).last).toContain('| Early |');
  } finally {
    await empty.drop();
  }
});

it.each([['org'], ['key', 'create']])('batchql %s %s explains itself with --help', async (...words) => {
  const { code, lines } = await batchql([...words, '--help']);
  expect(code).toBe(0);
  expect(lines[0]).toContain(`Usage: batchql ${words.join(' ')}`);
});
