/** A signed link downloads one file of one batch without a key, until its time; whatever is wrong with one, it is none. */
import { parse as parseDisposition } from 'content-disposition';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sandboxKey } from '../../src/first-keys.ts';
import { ask } from '../support/asking.ts';
import { chatBody } from '../support/documents.ts';
import { addKey, organizationOf, tokenOf } from '../support/keys.ts';
import { mutate } from '../support/mutations.ts';
import { startTestService, type TestService } from '../support/service.ts';

let service: TestService;
let done: string;
let another: string;
beforeAll(async () => {
  service = await startTestService();
  const create = async (name: string) => {
    const requests = { list: [{ body: chatBody('q') }, { body: chatBody('q', 'emulate:errored') }] };
    return (await mutate(service, 'createBatch', { provider: 'openai', name, requests, submit: 'NOW' })).batch
      .id;
  };
  done = await create('Quarterly summary: 第3四半期');
  another = await create('another');
  await service.work();
  await service.turn(60, 15);
});
afterAll(() => service.close());

const names = ['inputUrl', 'outputUrl', 'errorUrl'] as const;
async function links(
  seconds: number | null,
  key = sandboxKey,
  id = done,
): Promise<Record<(typeof names)[number], string>> {
  const given = seconds === null ? '' : `(expiresInSeconds: ${seconds})`;
  const query = `query($id: ID!) { batch(id: $id) { ${names.map((name) => `${name}${given}`).join(' ')} } }`;
  const { data, errors } = await service.query(query, { id }, key);
  expect(errors).toBeUndefined();
  return data.batch;
}
const follow = (url: string, key: string | null = null) => ask({ url }, key);
const nobody = async () => follow((await links(null)).outputUrl);

describe('A signed link', () => {
  it.each(names)('of %s gives to whoever follows it what the address gives to the key', async (name) => {
    const own = await follow((await links(null))[name], sandboxKey);
    expect(own).toMatchObject({ status: 200 });
    expect(own.body.length).toBeGreaterThan(10);
    expect(await follow((await links(60))[name])).toEqual(own);
  });

  it('goes on after a position, as the address does', async () => {
    const [first, second] = (await follow((await links(60)).inputUrl)).body.split('\n');
    expect(first).not.toBe(second);
    expect((await follow(`${(await links(60)).inputUrl}&after=0`)).body).toBe(`${second}\n`);
  });

  it('is kept by no cache, told to no page, and saved under the name of its batch', async () => {
    const { headers } = await follow((await links(60)).outputUrl);
    expect(headers).toMatchObject({
      'cache-control': 'private, no-store',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    });
    expect(parseDisposition(headers['content-disposition'] ?? '')).toMatchObject({
      type: 'attachment',
      parameters: { filename: 'Quarterly summary 第3四半期-output.jsonl' },
    });
  });

  it('is over at its time', async () => {
    const { outputUrl } = await links(60);
    service.clock.advance({ seconds: 59 });
    expect((await follow(outputUrl)).status).toBe(200);
    service.clock.advance({ seconds: 1 });
    expect(await follow(outputUrl)).toEqual(await nobody());
  });

  it('is over with the key that signed it, at that key’s end or when it is taken back', async () => {
    const expiresAt = new Date(service.clock.now().getTime() + 30_000);
    const brief = await addKey(service, await organizationOf(service), { expiresAt });
    const { key, apiKey } = await mutate(service, 'createApiKey', { name: 'page', scope: 'READ' });
    const [ending, revoked] = [(await links(3600, brief)).outputUrl, (await links(3600, key)).outputUrl];
    for (const url of [ending, revoked]) expect((await follow(url)).status).toBe(200);
    service.clock.advance({ seconds: 30 });
    await mutate(service, 'revokeApiKey', { apiKeyId: apiKey.id });
    for (const url of [ending, revoked]) expect(await follow(url)).toEqual(await nobody());
  });

  it('that a read token asked for lasts no longer than the token', async () => {
    const made = await mutate(service, 'createReadToken', { batches: { ids: [done] }, expiresInSeconds: 20 });
    const { outputUrl } = await links(3600, made.token);
    expect((await follow(outputUrl)).status).toBe(200);
    service.clock.advance({ seconds: 20 });
    expect(await follow(outputUrl)).toEqual(await nobody());
  });

  it('opens nothing but what it was made for, and is told from no link by nothing', async () => {
    const { outputUrl } = await links(60);
    const { searchParams } = new URL(outputUrl);
    const link = searchParams.get('link') ?? '';
    const bare = await links(null);
    const elsewhere = await links(null, sandboxKey, another);
    const refused = await nobody();
    expect(refused.status).toBe(401);
    const altered = [...link].map((letter, at) => [...link].with(at, letter === 'A' ? 'B' : 'A').join(''));
    for (const url of [
      `${bare.inputUrl}?link=${link}`,
      `${bare.errorUrl}?link=${link}`,
      `${elsewhere.outputUrl}?link=${link}`,
      ...altered.filter((_, at) => at % 8 === 0).map((other) => `${bare.outputUrl}?link=${other}`),
      `${bare.outputUrl}?link=`,
      `${bare.outputUrl}?link=${(await tokenOf(service, sandboxKey, done)).replace('bqt_', '')}`,
    ])
      expect(await follow(url)).toEqual(refused);
    // It is no key either, nor a token.
    for (const key of [link, `bqt_${link}`])
      expect((await service.query('{ viewer { sandbox } }', {}, key)).errors).toMatchObject([
        { extensions: { code: 'UNAUTHENTICATED' } },
      ]);
  });

  it('that is wrong helps nobody who has a key beside it', async () => {
    const { outputUrl } = await links(null);
    expect((await follow(`${outputUrl}?link=wrong`, sandboxKey)).status).toBe(401);
  });

  it('of a batch that is gone leads to nothing', async () => {
    const batch = (
      await mutate(service, 'createBatch', {
        provider: 'openai',
        requests: { list: [{ body: chatBody('q') }] },
      })
    ).batch.id;
    const query =
      'query($id: ID!) { batch(id: $id) { inputUrl(expiresInSeconds: 60) outputUrl(expiresInSeconds: 60) } }';
    const { data } = await service.query(query, { id: batch });
    expect(data.batch.outputUrl).toBeNull();
    await mutate(service, 'deleteBatch', { batchId: batch });
    expect((await follow(data.batch.inputUrl)).status).toBe(404);
  });

  it('may be asked for up to a day', async () => {
    const query = 'query($id: ID!, $for: Int!) { batch(id: $id) { outputUrl(expiresInSeconds: $for) } }';
    const asked = (seconds: number) => service.query(query, { id: done, for: seconds });
    expect((await asked(86_400)).errors).toBeUndefined();
    for (const seconds of [0, 86_401])
      expect((await asked(seconds)).errors).toMatchObject([
        {
          message: 'expiresInSeconds must be from 1 to 86400.',
          extensions: { code: 'INVALID_ARGUMENT' },
        },
      ]);
  });

  it('stands in no log, whatever it leads to', async () => {
    const { outputUrl } = await links(60);
    const link = new URL(outputUrl).searchParams.get('link') ?? '';
    for (const url of [outputUrl, outputUrl.replace(done, another), `${outputUrl}x`, `${outputUrl}&after=x`])
      await follow(url);
    expect(JSON.stringify(service.logged)).not.toContain(link.slice(0, 20));
  });
});
