/**
 * A list of batches that stays up to date. It is read once, over HTTP; every change comes over a WebSocket and
 * holds the whole batch, so a row is simply replaced. After a cut the stream goes on where it broke off: each
 * event has a cursor, and a subscription that starts after it misses nothing.
 */
import { createClient } from 'graphql-ws';

const service = new URLSearchParams(location.search).get('service') ?? 'http://localhost:4000';
const authorization = 'Bearer bq_sandbox';

const fields = `fragment Row on Batch {
  id name status version progress createdAt
  counts { total succeeded errored }
  jobs(first: 10) { edges { node { counts { succeeded errored } } } }
}`;
const listQuery = `query List { batches(first: 20) { edges { node { ...Row } } } } ${fields}`;
const liveQuery = `subscription Live($after: String) {
  batchesUpdated(after: $after) { cursor batchId batch { ...Row } }
} ${fields}`;
const createQuery = `mutation Create($input: CreateBatchInput!) {
  createBatch(input: $input) { ... on Error { message } }
}`;

const element = (id) => document.getElementById(id);
const batches = new Map();
const place = { after: null };

const client = createClient({
  url: `${service.replace(/^http/, 'ws')}/graphql`,
  connectionParams: { authorization },
  retryAttempts: Number.POSITIVE_INFINITY,
  // Whatever cut it, but for a key that is refused.
  shouldRetry: ({ code }) => code !== 4403,
  retryWait: () => new Promise((resolve) => setTimeout(resolve, 300 + 700 * Math.random())),
});
client.on('connected', () => {
  element('connection').textContent = 'live';
  // A stream without a cursor begins now. What was before stands in the list.
  if (place.after === null) readList().catch(showProblem);
});
client.on('closed', () => {
  element('connection').textContent = 'reconnecting';
});
element('create').addEventListener('click', () => create().catch(showProblem));
follow();

/** Follows every change. When the client reconnects it sends `place` again, with the newest cursor in it. */
function follow() {
  const next = ({ data }) => {
    const { cursor, batchId, batch } = data.batchesUpdated;
    if (batch === null) batches.delete(batchId);
    else keep(batch);
    place.after = cursor;
    render();
  };
  // A service that is restarted completes its streams first; then this one is opened again.
  client.subscribe({ query: liveQuery, variables: place }, { next, error: showProblem, complete: follow });
}

async function readList() {
  const { batches: page } = await request(listQuery);
  for (const { node } of page.edges) keep(node);
  render();
}

/** List and stream may tell of the same change, in any order; the version says what is newer. */
function keep(batch) {
  if (!(batches.get(batch.id)?.version > batch.version)) batches.set(batch.id, batch);
}

/** Makes a batch. The row needs no answer: the stream tells of it. */
async function create() {
  const topics = ['the sea', 'a train at night', 'the first snow', 'an old violin', 'rush hour'];
  const list = Array.from({ length: 60 }, (_, index) => ({
    body: { messages: [{ role: 'user', content: `Write one line about ${topics[index % 5]}.` }] },
  }));
  const name = `Poems of ${new Date().toLocaleTimeString()}`;
  const input = { provider: 'openai', model: 'gpt-5-mini', name, submit: 'NOW', requests: { list } };
  const { createBatch } = await request(createQuery, { input });
  showProblem(createBatch);
}

async function request(query, variables) {
  const response = await fetch(`${service}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  if (errors) throw errors[0];
  return data;
}

function render() {
  const newestFirst = [...batches.values()].sort((a, b) => b.createdAt.localeCompare(a.createdAt));
  element('batches').replaceChildren(...newestFirst.map(rowOf));
}

function rowOf(batch) {
  const row = element('row').content.cloneNode(true);
  row.querySelector('.name').textContent = batch.name;
  row.querySelector('.status').textContent = batch.status;
  row.querySelector('progress').value = Math.max(batch.progress, shareAtProvider(batch));
  row.querySelector('.counts').textContent = `${batch.counts.succeeded} / ${batch.counts.total}`;
  return row;
}

/** What the provider counts as done, which is known before the results can be read. */
function shareAtProvider({ jobs, counts: { total } }) {
  const done = jobs.edges.map(({ node: { counts } }) => (counts.succeeded ?? 0) + (counts.errored ?? 0));
  return total === 0 ? 0 : done.reduce((sum, count) => sum + count, 0) / total;
}

/** Shows an error of GraphQL, of the network or of the socket; nothing for anything else. */
function showProblem(problem) {
  const { message, reason } = [problem].flat()[0];
  element('problem').textContent = message ?? reason ?? '';
}
