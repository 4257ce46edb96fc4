/**
 * A file of a size that fits nowhere goes all the way: through an upload into a batch, as many jobs to a provider, its
 * answers back, and out again by two downloads. The service, the provider and this test are three processes, and what the
 * first one holds is looked at all the time. Of so many lines as `FILE_LINES` says: a million in mode `full`
 * (`npm run test:million`), else as many as every day can bear.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openDatabase } from '../../src/db/client.ts';
import { answerTo } from '../../src/providers/emulator/answers.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { control } from '../support/emulators.ts';
import { expectInvariants } from '../support/invariants.ts';
import { type RunningProcess, runBatchql } from '../support/processes.ts';
import { canWatch, type Watch, watchResident } from '../support/resident.ts';
import { subscribeByWebSocket } from '../support/subscribers.ts';

const lines = Number(process.env['FILE_LINES'] ?? 20_000);
/** What OpenAI takes in one job. */
const linesOfJob = 50_000;
const megabytesMax = 512;
/** Beyond what it holds at rest, whatever the size of the file. */
const growthMegabytesMax = 150;
const key = 'bq_million_0123456789abcdef';
const minutes = 60_000;

let directory: string;
let database: TestDatabase;
let emulator: RunningProcess;
let service: RunningProcess;
let emulatorOrigin: string;
let url: string;
let resident: Watch;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'batchql-million-'));
  database = await createTestDatabase();
  emulator = runBatchql([
    ...['emulate', '--port', '0', '--providers', 'openai', '--seconds', '3600', '--directory', directory],
  ]);
  emulatorOrigin = await addressOf(emulator);
  const { environment } = (await control(emulatorOrigin, 'GET', '')).body.providers[0];
  service = runBatchql(
    ['start'],
    {
      DATABASE_URL: database.url,
      BATCHQL_API_KEY: key,
      PORT: '0',
      // Nobody polls by itself: the provider's time is turned by hand.
      POLL_FIRST_SECONDS: '3600',
      SYNC_WAIT_SECONDS: '60',
      ...environment,
    },
    // What Node takes by itself where there are 512 MB; with more it leaves garbage lying for longer.
    ['--max-old-space-size=256'],
  );
  url = String((await service.logged('BatchQL is running'))['url']);
  resident = watchResident(service.child.pid ?? 0);
});
afterAll(async () => {
  resident?.stop();
  for (const running of [service, emulator]) {
    running?.child.kill('SIGKILL');
    await running?.exit;
  }
  await database?.drop();
  await rm(directory, { recursive: true, force: true });
});

const addressOf = (running: RunningProcess): Promise<string> =>
  new Promise((resolve, reject) => {
    running.child.stdout?.on('data', () => {
      const told = /Emulators at (\S+?): /.exec(running.output())?.[1];
      if (told !== undefined) resolve(told);
    });
    void running.exit.then(() => reject(new Error(`it exited:\n${running.output()}`)));
  });

async function ask(query: string, variables: Record<string, unknown> = {}) {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ query, variables }),
  });
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  const { data, errors } = (await response.json()) as any;
  if (errors !== undefined) throw new Error(JSON.stringify(errors));
  return data;
}

const promptOf = (at: number): string =>
  `Question ${at}: which of the ${at % 97} answers is the shortest one?`;

/** A request as a download of requests writes it, so that what comes out can be what went in. */
const lineOf = (at: number): string =>
  `{"customId":"request-${at}","endpoint":"/v1/chat/completions","body":{"model":"gpt-4o-mini","max_tokens":12,"messages":[{"role":"user","content":"${promptOf(at)}"}]}}\n`;

/** What is to come of it. */
const rowOf = (at: number): string => {
  const { text } = answerTo({ prompt: promptOf(at), format: 'text', outputTokensMax: 12 });
  return JSON.stringify([at, `request-${at}`, 'SUCCEEDED', text]);
};

/** The file, made while it is sent; `seen` is handed every piece of it. */
async function* pieces(seen: (piece: string) => void): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < lines; from += 500) {
    const count = Math.min(500, lines - from);
    const piece = Array.from({ length: count }, (_, index) => lineOf(from + index)).join('');
    seen(piece);
    yield Buffer.from(piece);
  }
}

/** The lines of a download, read as they come. */
async function* downloaded(address: string): AsyncGenerator<string> {
  const response = await fetch(address, { headers: { authorization: `Bearer ${key}` } });
  expect(response.status).toBe(200);
  yield* createInterface(Readable.fromWeb(response.body as ReadableStream<Uint8Array>));
}

it.runIf(canWatch)(
  `A file of ${lines.toLocaleString('en')} lines comes out as it went in, each line with its own answer, through a service that never holds ${megabytesMax} MB`,
  { timeout: lines < 100_000 ? 2 * minutes : 40 * minutes },
  async () => {
    const began = Date.now();
    const told: string[] = [];
    const tell = async (what: string) => {
      told.push(
        `${((Date.now() - began) / 1000).toFixed(1)} s ${what}: ${(await resident.now()).toFixed(0)} MB`,
      );
      if (lines > 100_000) console.log(told.at(-1));
    };
    await ask('{ viewer { organization { name } } }');
    const atRest = await resident.now();
    await tell('at rest');

    const { createUpload } = await ask(
      `mutation { createUpload(input: { batch: { provider: "openai", submit: NOW } }) {
        ... on CreateUploadPayload { url batch { id } } ... on Error { message } } }`,
    );
    const { id } = createUpload.batch;
    const updates = subscribeByWebSocket({
      url,
      key,
      query: `subscription($id: ID!) { batchUpdated(id: $id) { batch { status counts { total succeeded }
        jobs(first: 100) { edges { node { providerJobId } } } } } }`,
      variables: { id },
    });
    const sent = createHash('sha256');
    const put = await fetch(createUpload.url, {
      method: 'PUT',
      body: Readable.toWeb(Readable.from(pieces((piece) => sent.update(piece)))) as globalThis.ReadableStream,
      duplex: 'half',
    } as RequestInit);
    expect(await put.json()).toMatchObject({ upload: { status: 'COMPLETED', requests: lines } });
    await tell('uploaded');

    await updates.waitFor(({ batchUpdated: { batch } }) => {
      const jobs: { node: { providerJobId: string | null } }[] = batch.jobs.edges;
      return (
        jobs.length === Math.ceil(lines / linesOfJob) && jobs.every(({ node }) => node.providerJobId !== null)
      );
    });
    await tell('submitted');

    await control(emulatorOrigin, 'POST', '/clock', { advance: { hours: 2 } });
    await ask('mutation($id: ID!) { syncBatch(input: { batchId: $id }) { __typename } }', { id });
    const { batchUpdated: end } = await updates.waitFor(
      ({ batchUpdated }) => batchUpdated.batch.status === 'COMPLETED',
    );
    expect(end.batch.counts).toEqual({ total: lines, succeeded: lines });
    await tell('ended');

    const { batch } = await ask('query($id: ID!) { batch(id: $id) { inputUrl outputUrl(format: FLAT) } }', {
      id,
    });
    const [came, expected, answers] = ['sha256', 'sha256', 'sha256'].map((name) => createHash(name));
    for await (const line of downloaded(batch.inputUrl)) came?.update(`${line}\n`);
    expect(came?.digest('hex')).toBe(sent.digest('hex'));
    await tell('requests downloaded');

    for (let at = 0; at < lines; at += 1) expected?.update(rowOf(at));
    for await (const line of downloaded(batch.outputUrl)) {
      const { position, customId, status, text } = JSON.parse(line);
      answers?.update(JSON.stringify([position, customId, status, text]));
    }
    expect(answers?.digest('hex')).toBe(expected?.digest('hex'));
    await tell('results downloaded');

    expect(resident.most(), told.join('\n')).toBeLessThan(megabytesMax);
    expect(resident.most() - atRest, told.join('\n')).toBeLessThan(growthMegabytesMax);
    expect(resident.looks()).toBeGreaterThan(20);
    console.log(
      `${told.join('; ')}; at most ${resident.most().toFixed(0)} MB, ${atRest.toFixed(0)} MB at rest`,
    );
    await updates.stop();

    // As `batchql check` does: of so much each question may take minutes.
    const db = openDatabase({ url: database.url, connectionsMax: 1, answerSeconds: 0 });
    // Nobody has looked at tables that are a minute old, and without knowing their size Postgres would join row by row.
    await db.read((q) => q.execute(sql`analyze`));
    await expectInvariants(db);
    await db.close();
  },
);
