/** Where an operator names documents, those are executed and no others, through every door; read and proven at the start. */
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadPersistedDocuments } from '../../src/http/defences/persisted.ts';
import { schema } from '../../src/schema/index.ts';
import { doors, post } from '../support/doors.ts';
import { startTestService, type TestService } from '../support/service.ts';

const known = 'query Known { viewer { sandbox } }';
const counted = 'query Counted($n: Int) { batches(first: $n) { edges { cursor } } }';
const idOf = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;

let directory: string;
let service: TestService;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'batchql-documents-'));
  await writeFile(join(directory, 'known.graphql'), known);
  await writeFile(join(directory, 'counted.gql'), counted);
  await writeFile(join(directory, 'notes.txt'), 'no document');
  service = await startTestService({ PERSISTED_DOCUMENTS: directory });
});
afterAll(async () => {
  await service.close();
  await rm(directory, { recursive: true });
});

describe('A service with persisted documents', () => {
  it.each<[string, string]>([
    ['its id', idOf(known)],
    ['its hash alone', idOf(known).slice('sha256:'.length)],
    ['its hash in capitals', idOf(known).slice('sha256:'.length).toUpperCase()],
  ])('executes a document by %s, through every door', async (_title, documentId) => {
    for (const ask of [post, ...doors.map(([, ask]) => ask)]) {
      expect(await ask(service, { query: '', documentId })).toEqual({ data: { viewer: { sandbox: true } } });
    }
  });

  it('executes one by its own text, too', async () => {
    for (const ask of [post, ...doors.map(([, ask]) => ask)]) {
      expect(await ask(service, { query: known })).toEqual({ data: { viewer: { sandbox: true } } });
    }
  });

  it.each<[string, { query: string; documentId?: string }, string]>([
    ['another text, one blank away', { query: `${known} ` }, 'DOCUMENT_NOT_PERSISTED'],
    ['an empty text', { query: ' ' }, 'DOCUMENT_NOT_PERSISTED'],
    ['an unknown id', { query: '', documentId: idOf('{ a }') }, 'DOCUMENT_NOT_FOUND'],
    ['an unknown id beside a known text', { query: known, documentId: idOf('{ a }') }, 'DOCUMENT_NOT_FOUND'],
    ['an id that is none', { query: known, documentId: '../known.graphql' }, 'DOCUMENT_NOT_FOUND'],
  ])('refuses %s, through every door alike', async (_title, question, code) => {
    const answer = await post(service, question);
    expect(answer).toMatchObject({ errors: [{ extensions: { code } }] });
    for (const [name, ask] of doors) expect(await ask(service, question), name).toEqual(answer);
  });

  it('holds persisted documents to the limits, too', async () => {
    const answer = await post(service, { query: '', documentId: idOf(counted), variables: { n: 1_000_000 } });
    expect(answer).toMatchObject({ errors: [{ extensions: { code: 'QUERY_TOO_COMPLEX' } }] });
  });
});

it('A service without them knows no documentId', async () => {
  const open = await startTestService();
  try {
    for (const ask of [post, ...doors.map(([, ask]) => ask)]) {
      expect(await ask(open, { query: '', documentId: idOf(known) })).toMatchObject({
        errors: [{ extensions: { code: 'DOCUMENT_NOT_FOUND' } }],
      });
    }
  } finally {
    await open.close();
  }
});

describe('What is read at the start', () => {
  const load = async (content: string) => {
    const path = join(directory, 'manifest.json');
    await writeFile(path, content);
    return loadPersistedDocuments(path, schema);
  };

  it('may be a file that a compiler of clients writes', async () => {
    const hash = idOf(known).slice('sha256:'.length);
    expect([...(await load(JSON.stringify({ [hash]: known, Counted: counted }))).keys()]).toEqual([
      hash,
      idOf(counted).slice('sha256:'.length),
    ]);
  });

  it.each<[string, string, RegExp]>([
    [
      'a text that its hash does not stand for',
      JSON.stringify({ [idOf(counted)]: known }),
      /is not the text/,
    ],
    [
      'a document of another schema',
      JSON.stringify({ Old: '{ nothing }' }),
      /Old cannot be used: Cannot query/,
    ],
    [
      'a text that is no document',
      JSON.stringify({ Torn: '{ viewer {' }),
      /Torn cannot be used: Syntax Error/,
    ],
    ['a file that is no JSON', '{', /manifest\.json cannot be read/],
    ['a list', '["{ a }"]', /cannot be read/],
  ])('is refused where it has %s', async (_title, content, message) => {
    await expect(load(content)).rejects.toThrow(message);
  });

  it('keeps the service from starting where there is nothing', async () => {
    await expect(loadPersistedDocuments(join(directory, 'nowhere'), schema)).rejects.toThrow(
      /cannot be read/,
    );
  });
});
