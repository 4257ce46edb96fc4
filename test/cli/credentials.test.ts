/** Credentials by the command line, beside a service that runs on the same database; and a change of their key under load. */
import { randomBytes } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addCredential } from '../../src/credentials/add.ts';
import { openKeyring } from '../../src/credentials/keyring.ts';
import { rotateSecrets } from '../../src/credentials/rotate.ts';
import { openSecret } from '../../src/credentials/secret.ts';
import { credentialPage } from '../../src/db/queries/credentials.ts';
import { workerScope } from '../../src/domain/scope.ts';
import { chatBody } from '../support/documents.ts';
import { mutate } from '../support/mutations.ts';
import { runBatchql } from '../support/processes.ts';
import { startTestService, type TestService } from '../support/service.ts';

const [present, old] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')];

let service: TestService;
beforeAll(async () => {
  service = await startTestService({ CREDENTIALS_KEY: present, CREDENTIALS_KEY_OLD: old });
});
afterAll(() => service.close());

/** How a command ends, and its lines. */
async function batchql(args: readonly string[], { input = '', keys = present } = {}) {
  const environment = { DATABASE_URL: service.app.databaseUrl, SANDBOX: 'true', CREDENTIALS_KEY: keys };
  const run = runBatchql(['credentials', ...args], environment, [], input);
  const code = await run.exit;
  const lines = run.output().trimEnd().split('\n');
  return { code, lines, last: lines.at(-1) ?? '' };
}

const rowsOf = (organizationId: string) =>
  service.app.services.db.read((q) =>
    credentialPage(workerScope, q, organizationId, { limit: 1000, order: 'ascending', beyond: null }),
  );

describe('On a service that runs', () => {
  it('a credential is brought by standard input, used at once, listed without its secret, and revoked', async () => {
    const { key, scope } = await service.addOrganization('Acme');
    const { apiKey } = service.emulator('openai');
    const added = await batchql(['add', '--org', 'Acme', '--provider', 'openai', '--name', 'ours'], {
      input: `${apiKey}\n`,
    });
    expect(added.code).toBe(0);
    const id = added.lines.find((line) => /^[0-9a-f-]{36}$/.test(line)) ?? '';
    const requests = { list: [{ body: chatBody('one') }] };
    const input = { provider: 'openai', requests, submit: 'NOW' };
    const { batch } = await mutate(service, 'createBatch', input, { key, batch: 'id credential { id }' });
    expect(batch.credential).toEqual({ id });
    await service.work();
    const list = (await batchql(['list', '--org', 'Acme'])).lines;
    expect(list.join('\n')).toContain(`| ${id} | Acme | openai | ours | …${apiKey.slice(-4)} | WORKING |`);
    expect([...list, ...added.lines].join()).not.toContain(apiKey);
    expect((await batchql(['revoke', id, '--immediately'])).code).toBe(0);
    expect((await rowsOf(scope.organizationId))[0]).toMatchObject({
      revokedAt: expect.any(Date),
      sealed: null,
    });
    const trail =
      '{ viewer { organization { audit { edges { node { verb apiKey { id } credential { id } } } } } } }';
    const { data } = await service.query(trail, {}, key);
    const entries = data.viewer.organization.audit.edges.map(({ node }: { node: unknown }) => node);
    for (const verb of ['addCredential', 'revokeCredential'])
      expect(entries).toContainEqual({ verb, apiKey: null, credential: { id } });
  });

  it('one with further settings comes as JSON', async () => {
    const { scope } = await service.addOrganization('With settings');
    const secret = { apiKey: 'sk-0123456789abcdef', webhookSecret: 'whsec_c2VjcmV0c2VjcmV0' };
    const args = ['add', '--org', 'With settings', '--provider', 'openai', '--name', 'ours'];
    expect((await batchql(args, { input: JSON.stringify(secret) })).code).toBe(0);
    expect(await rowsOf(scope.organizationId)).toMatchObject([
      { settings: ['webhookSecret'], sandbox: true },
    ]);
  });

  it.each([
    [
      ['add', '--org', 'Sandbox', '--provider', 'openai', '--name', 'x'],
      '',
      'standard input, which was empty',
    ],
    [
      ['add', '--org', 'Sandbox', '--provider', 'openai', '--name', 'x'],
      '{"S3CRET": 1}',
      'must be a key, or',
    ],
    [
      ['add', '--org', 'Sandbox', '--provider', 'nobody', '--name', 'x'],
      'sk-S3CRET',
      'no provider with this',
    ],
    [['revoke', '01900000-0000-7000-8000-000000000000'], '', 'There is no credential with this id'],
  ])('%j is refused in one sentence', async (args, input, sentence) => {
    const { code, lines } = await batchql(args, { input });
    expect(code).toBe(1);
    expect(lines).toEqual([expect.stringContaining(sentence)]);
    expect(lines.join()).not.toContain('S3CRET');
  });
});

describe('A change of the key', () => {
  const keyringOf = (...keys: [string, ...string[]]) => {
    const keyring = openKeyring(keys);
    if (keyring === null) throw new Error('there are keys');
    return keyring;
  };
  /** As a process has it that writes with the old key still. */
  const writingOld = () => ({
    ...service.app.services,
    credentials: { keyring: keyringOf(old, present), shared: true },
  });

  it('goes through under load: batches are sent meanwhile, nothing is lost, and the old key opens nothing', async () => {
    const { key, scope } = await service.addOrganization('Rotating');
    const { organizationId } = scope;
    const { apiKey } = service.emulator('openai');
    const input = { provider: 'openai', name: 'ours', apiKey, settings: [] };
    const add = (by = writingOld()) => addCredential(by, workerScope, organizationId, input);
    for (let at = 0; at < 150; at += 1) await add();

    const told: [number, number][] = [];
    let isRotating = true;
    const rotation = rotateSecrets(service.app.services, keyringOf(present, old), (...progress) =>
      told.push(progress),
    ).finally(() => {
      isRotating = false;
    });
    const requests = { list: [{ body: chatBody('one') }] };
    let sent = 0;
    while (isRotating || sent === 0) {
      await mutate(service, 'createBatch', { provider: 'openai', requests, submit: 'NOW' }, { key });
      await service.work();
      sent += 1;
    }
    expect(await rotation).toEqual({ changed: 150, unreadable: [] });
    expect(told.at(0)).toEqual([0, 150]);
    expect(told.at(-1)).toEqual([150, 150]);
    const rows = await rowsOf(organizationId);
    expect(rows).toHaveLength(150);
    const opened = (keyring = keyringOf(present)) =>
      rows.map((row) => openSecret({ keyring, shared: true }, row).apiKey);
    expect(new Set(opened())).toEqual(new Set([apiKey]));
    expect(() => opened(keyringOf(old))).toThrow('cannot be read');
    const { data } = await service.query(
      '{ batches(first: 100) { edges { node { jobs { edges { node { error { code } } } } } } } }',
      {},
      key,
    );
    expect(JSON.stringify(data)).not.toContain('credential_');
  });

  it('by the command line tells how many, and which ones no key opens', async () => {
    const { scope } = await service.addOrganization('By command');
    const input = { provider: 'openai', name: 'ours', apiKey: 'sk-0123456789abcdef', settings: [] };
    const { credential } = await addCredential(writingOld(), workerScope, scope.organizationId, input);
    const unread = await batchql(['rotate']);
    expect(unread.code).toBe(1);
    expect(unread.last).toContain(credential.id);
    await service.app.services.db.read((q) =>
      q.execute(sql`update credentials set sealed = null where id = ${credential.id}::uuid`),
    );
    const done = await batchql(['rotate']);
    expect(done).toMatchObject({ code: 0, last: '0 credentials are encrypted with the present key now.' });
  });
});
