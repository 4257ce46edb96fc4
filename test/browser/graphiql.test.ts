import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSandboxBatches } from '../../src/cli/sandbox-batches.ts';
import { noBrowser, openPage, startBrowser, type WatchedPage } from '../support/browser.ts';
import { chatBody, createBatchDocument } from '../support/documents.ts';
import { type GraphqlAnswer, startTestService, type TestService } from '../support/service.ts';

// High enough to show the longest answer: what is out of sight is not in the page.
const tall = { width: 1600, height: 5000 };
const patience = { timeout: 30_000 };

describe.skipIf(noBrowser)('GraphiQL in a browser', () => {
  let service: TestService;
  let browser: Browser;
  beforeAll(async () => {
    [service, browser] = await Promise.all([
      startTestService({ CALLBACK_ALLOW: '127.0.0.1' }),
      startBrowser(),
    ]);
    await startSandboxBatches(service.app.services);
    await service.work();
  });
  afterAll(() => Promise.all([browser?.close(), service?.close()]));

  const visit = async (size?: typeof tall): Promise<WatchedPage> => {
    const watched = await openPage(browser, size);
    await watched.page.goto(`${service.url}/graphql`);
    await isReady(watched.page);
    return watched;
  };

  /** An open batch, which makes the tabs of such a page be about it. */
  const openBatch = async (): Promise<string> => {
    service.clock.advance({ seconds: 1 });
    const requests = { list: [{ body: { model: 'gpt-5-mini', messages: [] } }] };
    const { data } = await service.query(createBatchDocument, { input: { provider: 'openai', requests } });
    return data.createBatch.batch.id;
  };

  it('runs every example as it stands, from left to right, without an error and without another machine', async () => {
    const requests = (directive: string) => ({ list: [{ body: chatBody('no answer', directive) }] });
    for (const input of [
      { requests: requests('emulate:errored') },
      { requests: requests(''), callbackUrl: 'http://127.0.0.1:1/nobody' },
    ]) {
      await service.query(createBatchDocument, { input: { provider: 'openai', submit: 'NOW', ...input } });
    }
    await service.turn(90, 30);
    const { page, origins, faults } = await visit(tall);
    const tabs = await titles(page);
    /** Time passes, and something is told to whoever follows all batches. */
    const live = async () => {
      await openBatch();
      await service.turn(2);
    };
    for (const title of tabs) {
      await run(page, title);
      const { data, errors } = await answerIn(
        page,
        () => true,
        /Updated|Finished/.test(title) ? live : undefined,
      );
      expect(errors, title).toBeUndefined();
      const [field] = Object.values(data);
      expect(field, title).toBeTruthy();
      // A typed error is not a payload.
      expect(field, title).not.toHaveProperty('code');
    }
    expect(tabs).toHaveLength(21);
    expect([...origins]).toEqual([service.url]);
    expect(faults).toEqual([]);
    await page.close();
  });

  it('shows each change of a batch that it follows, up to its end', async () => {
    const id = await openBatch();
    const { page, faults } = await visit();
    await run(page, 'BatchUpdated');
    const seen: string[] = [];
    const steps = [
      () =>
        service.query('mutation($id: ID!) { submitBatch(input: { batchId: $id }) { __typename } }', { id }),
      () => service.work(),
      ...Array.from({ length: 8 }, () => () => service.turn(5)),
    ];
    for (const step of [() => undefined, ...steps]) {
      await step();
      const { data } = await service.query('query($id: ID!) { batch(id: $id) { version } }', { id });
      const shows = await answerIn(page, (answer) => answer.data.batchUpdated.seq === data.batch.version);
      seen.push(shows.data.batchUpdated.batch.status);
    }
    expect(seen).toEqual(expect.arrayContaining(['ACCUMULATING', 'SUBMITTED', 'IN_PROGRESS', 'COMPLETED']));
    expect(seen.at(-1)).toBe('COMPLETED');
    await page.getByRole('button', { name: /^Execute query/ }).waitFor();
    expect(faults).toEqual([]);
    await page.close();
  });

  it('keeps what a visitor wrote from visit to visit, and renews the examples beside it', async () => {
    await openBatch();
    const { page } = await visit();
    const first = await titles(page);
    await show(page, 'Batches');
    await page.locator('.graphiql-query-editor .view-line').first().click();
    await page.keyboard.press('Control+Home');
    await page.keyboard.type('# My own version');
    await page.waitForFunction(() => localStorage['batchql:graphiql:tabState'].includes('My own version'));
    await page.reload();
    await page.locator('.graphiql-query-editor', { hasText: 'My own version' }).waitFor();
    expect(await titles(page)).toEqual([...first, 'Batches']);

    const { data } = await service.query(
      '{ batches(first: 100, filter: { status: [ACCUMULATING] }) { edges { node { id } } } }',
    );
    for (const { node } of data.batches.edges) {
      await service.query('mutation($id: ID!) { deleteBatch(input: { batchId: $id }) { __typename } }', node);
    }
    await page.reload();
    await isReady(page);
    expect(await titles(page)).toEqual(first.map(withoutOpenBatch).concat('Batches'));

    await run(page, 'OneMoreBatch');
    expect((await answerIn(page)).data.createBatch.batch.status).toBe('ACCUMULATING');
    await page.reload();
    await isReady(page);
    expect(await titles(page)).toEqual([...first, 'Batches']);
    await page.close();
  });
});

const isReady = (page: Page): Promise<void> =>
  page.locator('.graphiql-query-editor .view-line').first().waitFor();

const titles = (page: Page): Promise<string[]> => page.locator('.graphiql-tab-button').allTextContents();

const withoutOpenBatch = (title: string): string =>
  ['AddRequests', 'CreateUpload', 'SubmitBatch'].includes(title) ? 'OneMoreBatch' : title;

/** Clicks the first tab of this title, and waits until GraphiQL has understood its operation. */
async function show(page: Page, title: string): Promise<void> {
  await page
    .locator('.graphiql-tab-button', { hasText: new RegExp(`^${title}$`) })
    .first()
    .click();
  await page.waitForFunction(
    (name) => new RegExp(`^\\w+ ${name}\\b`, 'm').test(localStorage['batchql:graphiql:query']),
    title,
  );
}

async function run(page: Page, title: string): Promise<void> {
  await show(page, title);
  await page.getByRole('button', { name: /^Execute query/ }).click();
}

/** The answer in the response pane, once it matches; until then `meanwhile` is done again and again. */
async function answerIn(
  page: Page,
  matches: (answer: Required<GraphqlAnswer>) => boolean = () => true,
  meanwhile: () => Promise<void> = async () => undefined,
): Promise<Required<GraphqlAnswer>> {
  const isShown = (text: string) => isWhole(text) && matches(JSON.parse(text));
  let text = '';
  await expect
    .poll(async () => {
      text = await textIn(page);
      if (!isShown(text)) await meanwhile();
      return text;
    }, patience)
    .toSatisfy(isShown);
  return JSON.parse(text);
}

const isWhole = (text: string): boolean => {
  try {
    return typeof JSON.parse(text) === 'object';
  } catch {
    return false;
  }
};

/** The text in the response pane. Its lines are wrapped, so that long values come with spaces in them. */
async function textIn(page: Page): Promise<string> {
  const lines = await page.locator('.graphiql-response .view-line').evaluateAll((found) =>
    found
      .map((line) => ({ top: Number.parseFloat(line.style.top), text: line.textContent ?? '' }))
      .sort((a, b) => a.top - b.top)
      .map(({ text }) => text.replaceAll('\u00a0', ' ')),
  );
  return lines.join('');
}
