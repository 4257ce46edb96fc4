/** `/metrics` tells an operator what is going on: true figures, cheaply, and nothing of anybody's. */
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase } from '../../src/db/client.ts';
import { answersOf } from '../../src/metrics/answers.ts';
import { metrics } from '../../src/metrics/definitions.ts';
import { createFigures } from '../../src/metrics/process-figures.ts';
import { chatBody } from '../support/documents.ts';
import { mutate } from '../support/mutations.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { transports } from '../support/subscribers.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService({ METRICS_PORT: '0' });
});
afterAll(() => service.close());

/** Values by the figure's name and labels, as they are written. */
const read = (text: string): ReadonlyMap<string, number> =>
  new Map(
    text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  );
/** What the database knows, not what was found a moment ago. */
const found = async () => read((await answersOf(service.app.services, createFigures(), 0)()).body);
const textOf = async () => {
  const response = await fetch(service.app.metricsUrl ?? '');
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  return response.text();
};
const counted = async (figure: string) => read(await textOf()).get(figure) ?? 0;
const batch = async (input: Record<string, unknown> = {}) =>
  (
    await mutate(service, 'createBatch', {
      provider: 'openai',
      name: 'of nobody else',
      requests: { list: [{ body: chatBody('q') }, { body: chatBody('q') }] },
      ...input,
    })
  ).batch.id;

describe('The page', () => {
  it('has every figure that the documentation has, those of the process itself, and no other', async () => {
    const described = [...(await textOf()).matchAll(/^# HELP (\w+) (.+)$/gm)];
    const own = described.filter(([, name = '']) => !/^(?:process|nodejs)_/.test(name));
    expect(new Map(own.map(([, name, help]) => [name, help]))).toEqual(
      new Map(Object.values(metrics).map(({ name, meaning }) => [name, meaning])),
    );
    expect(described.length).toBeGreaterThan(own.length);
  });

  it('is on its own port, and nothing else is', async () => {
    expect((await fetch(`${service.url}/metrics`)).status).toBe(404);
    const { origin } = new URL(service.app.metricsUrl ?? '');
    for (const path of ['/', '/graphql', '/healthz', '/metrics/x'])
      expect((await fetch(origin + path)).status).toBe(404);
    expect((await fetch(`${origin}/metrics`, { method: 'POST' })).status).toBe(404);
  });

  it('says nothing of anybody: no id, no name, no text of a caller’s', async () => {
    const id = await batch();
    await fetch(`${service.url}/made-up/by-a-caller`);
    await service.query('{ nothing }', {}, 'bq_a_guess');
    const text = await textOf();
    for (const own of [id, 'of nobody else', 'Sandbox', 'made-up', 'guess', 'bq_'])
      expect(text).not.toContain(own);
    expect(text).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}-/);
  });

  it('asks the database once, however many ask at a time', async () => {
    const answer = answersOf(service.app.services, createFigures(), 60);
    service.statements.length = 0;
    await Promise.all(Array.from({ length: 10 }, answer));
    await answer();
    expect(service.statements.length).toBeLessThan(8);
  });

  it('is there without its database, and says so', async () => {
    const db = openDatabase({ url: 'postgresql://127.0.0.1:1/nowhere' });
    const answer = answersOf({ ...service.app.services, db }, createFigures(), 0);
    const figures = read((await answer()).body);
    expect(figures.get('batchql_database_read')).toBe(0);
    expect(figures.get('batchql_event_lag_seconds')).toBe(2);
    expect(
      [...figures.keys()].filter((name) => /^batchql_(?:work|batches|items|jobs|rows)/.test(name)),
    ).toEqual([]);
    await db.close();
  });
});

describe('What is of the database', () => {
  it('is what is under way: batches, their requests, and jobs, until they end', async () => {
    const before = await found();
    const grown = async () => {
      const now = await found();
      return (figure: string) => (now.get(figure) ?? 0) - (before.get(figure) ?? 0);
    };
    const batchId = await batch();
    let more = await grown();
    expect(more('batchql_batches{status="ACCUMULATING"}')).toBe(1);
    expect(more('batchql_items{status="PENDING"}')).toBe(2);

    await mutate(service, 'submitBatch', { batchId });
    await service.work();
    more = await grown();
    expect(more('batchql_batches{status="ACCUMULATING"}')).toBe(0);
    expect(more('batchql_items{status="SUBMITTED"}')).toBe(2);
    expect((await found()).get('batchql_jobs{provider="openai",status="PENDING"}')).toBe(1);

    await service.turn(60, 15);
    more = await grown();
    expect(more('batchql_items{status="SUBMITTED"}')).toBe(0);
    expect((await found()).get('batchql_jobs{provider="openai",status="PENDING"}')).toBeUndefined();
    expect((await found()).get('batchql_rows_total{table="results"}')).toBeGreaterThanOrEqual(0);
    expect((await found()).get('batchql_database_read')).toBe(1);
  });

  it('is what is due, and since when', async () => {
    await batch({ submit: 'NOW' });
    service.clock.advance({ seconds: 90 });
    const figures = await found();
    expect(figures.get('batchql_work_due{work="sending"}')).toBe(1);
    expect(figures.get('batchql_work_oldest_seconds{work="sending"}')).toBe(90);
    expect(figures.get('batchql_work_due{work="collecting"}')).toBe(0);
    await service.work();
    expect((await found()).get('batchql_work_due{work="sending"}')).toBe(0);
    expect((await found()).get('batchql_work_oldest_seconds{work="sending"}')).toBe(0);
    await service.turn(60, 15);
  });

  it.each(['batches', 'jobs'])('is read from an index of those %s that have not ended', async (table) => {
    const isOver = `status not in (${table === 'batches' ? "'COMPLETED', 'FAILED', 'EXPIRED', 'CANCELLED'" : "'COMPLETED', 'FAILED', 'CANCELLED', 'EXPIRED'"})`;
    const plan = await service.app.services.db.transaction(async (tx) => {
      await tx.execute('set local enable_seqscan = off');
      return tx.execute(
        sql.raw(`explain select status, count(*) from ${table} where ${isOver} group by status`),
      );
    });
    expect(JSON.stringify(plan.rows)).toContain(`${table}_unfinished`);
  });
});

describe('What is of the process', () => {
  it('counts answers by route and status, and operations by what came of them', async () => {
    const figures = {
      asked: 'batchql_operations_total{kind="query",outcome="OK"}',
      told: 'batchql_operations_total{kind="mutation",outcome="OK"}',
      wrong: 'batchql_operations_total{kind="query",outcome="INVALID_ARGUMENT"}',
      graphql: 'batchql_http_answers_total{route="graphql",status="200"}',
      refused: 'batchql_http_answers_total{route="graphql",status="401"}',
      lost: 'batchql_http_answers_total{route="other",status="404"}',
      download: 'batchql_http_answers_total{route="download",status="404"}',
      upload: 'batchql_http_answers_total{route="upload",status="404"}',
      took: 'batchql_http_answer_seconds_count{route="graphql"}',
    };
    const all = async () => {
      const now = read(await textOf());
      return Object.entries(figures).map(([name, figure]) => [name, now.get(figure) ?? 0] as const);
    };
    const before = new Map(await all());
    await service.query('{ viewer { sandbox } }');
    await service.query('{ batch(id: "what") { id } }');
    await service.query('{ viewer { sandbox } }', {}, 'bq_a_guess');
    await mutate(service, 'rotateCallbackSecret', {});
    await fetch(`${service.url}/what`);
    await fetch(`${service.url}/batches/01900000-0000-7000-8000-000000000000/output.jsonl`, {
      headers: { 'x-api-key': 'bq_sandbox' },
    });
    await fetch(`${service.url}/uploads/01900000-0000-7000-8000-000000000000/secret`, { method: 'PUT' });
    const more = Object.fromEntries(
      (await all()).map(([name, value]) => [name, value - (before.get(name) ?? 0)]),
    );
    expect(more).toEqual({
      asked: 1,
      told: 1,
      wrong: 1,
      graphql: 3,
      refused: 1,
      lost: 1,
      download: 1,
      upload: 1,
      took: 4,
    });
  });

  it('counts calls to each provider by what came of them', async () => {
    const calls = (operation: string, outcome: string) =>
      counted(
        `batchql_provider_calls_total{provider="openai",operation="${operation}",outcome="${outcome}"}`,
      );
    const before = { sent: await calls('submit', 'ok'), throttled: await calls('submit', 'throttled') };
    const { faults } = service.emulator('openai');
    faults.add({ operation: 'create', effect: { kind: 'answer', status: 429, body: '{}' } });
    await batch({ submit: 'NOW' });
    await service.work();
    expect(await calls('submit', 'throttled')).toBe(before.throttled + 1);
    await service.turn(600, 30);
    expect(await calls('submit', 'ok')).toBe(before.sent + 1);
    for (const operation of ['retrieve', 'results']) expect(await calls(operation, 'ok')).toBeGreaterThan(0);
  });

  it('counts the streams that are open, over every transport', async () => {
    const id = await batch();
    const query = 'subscription($id: ID!) { batchUpdated(id: $id) { seq } }';
    const open = Object.values(transports).map((open) =>
      open({ url: service.url, query, variables: { id } }),
    );
    await Promise.all(open.map((stream) => stream.waitFor(() => true)));
    expect(await counted('batchql_subscriptions')).toBe(2);
    for (const stream of open) await stream.stop();
    while ((await counted('batchql_subscriptions')) > 0);
  });

  it('tells how long an announcement takes to those who follow', async () => {
    const lag = (await found()).get('batchql_event_lag_seconds');
    expect(lag).toBeGreaterThan(0);
    expect(lag).toBeLessThan(2);
  });
});
