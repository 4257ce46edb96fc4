/**
 * Persisted documents: where an operator names them, nothing else is executed. A caller names one by its SHA-256
 * (`documentId`), or sends its text. Read once, at the start, when each must be an operation of this schema.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { GraphQLError, type GraphQLSchema, parse, validate } from 'graphql';
import { z } from 'zod';
import { StartError } from '../../errors.ts';
import { refusal } from './refusal.ts';

/** The texts of documents by the SHA-256 of each, in small hex digits. */
export type PersistedDocuments = ReadonlyMap<string, string>;

/** What of a request says which document is meant. */
export interface DocumentRequest {
  readonly query?: unknown;
  readonly documentId?: unknown;
}

const manifest = z.record(z.string(), z.string());

/**
 * Reads a file, a JSON object of texts by id, as compilers of clients write it; or a directory of `.graphql` files, each of
 * which is one document. Throws `StartError` with one sentence that names the file or the id.
 */
export async function loadPersistedDocuments(
  path: string,
  schema: GraphQLSchema,
): Promise<PersistedDocuments> {
  const texts = await explained(path, async () =>
    (await stat(path)).isDirectory()
      ? textsIn(path)
      : manifest.parse(JSON.parse(await readFile(path, 'utf8'))),
  );
  const documents = new Map<string, string>();
  for (const [name, text] of Object.entries(texts)) {
    const hash = sha256(text);
    const id = idIn(name);
    if (id !== null && id !== hash) {
      throw new StartError(`The persisted document ${name} is not the text that its SHA-256 stands for.`);
    }
    const problem = problemOf(text, schema);
    if (problem !== null) throw new StartError(`The persisted document ${name} cannot be used: ${problem}`);
    documents.set(hash, text);
  }
  return documents;
}

/** The text to be executed, or why there is none. `documents` is null where any document may be sent. */
export function documentOf(
  { query, documentId }: DocumentRequest,
  documents: PersistedDocuments | null,
): string | GraphQLError {
  if (documentId === undefined || documentId === null) {
    const text = typeof query === 'string' ? query : '';
    if (documents === null || documents.has(sha256(text))) return text;
    return refusal('DOCUMENT_NOT_PERSISTED', 'Only documents that are persisted here are executed.');
  }
  const hash = idIn(documentId);
  const text = hash === null ? undefined : documents?.get(hash);
  return (
    text ??
    refusal(
      'DOCUMENT_NOT_FOUND',
      'No document with this documentId, the SHA-256 of a text, is persisted here.',
    )
  );
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** The hash in an id, as the GraphQL-over-HTTP specification has it, `sha256:…`, or plain; null for any other. */
const idIn = (id: unknown): string | null =>
  /^(?:sha256:)?([0-9a-f]{64})$/i.exec(typeof id === 'string' ? id : '')?.[1]?.toLowerCase() ?? null;

async function textsIn(directory: string): Promise<Record<string, string>> {
  const names = (await readdir(directory)).filter((name) => /\.(?:graphql|gql)$/.test(name)).sort();
  const texts = names.map(async (name) => [name, await readFile(join(directory, name), 'utf8')] as const);
  return Object.fromEntries(await Promise.all(texts));
}

async function explained<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch {
    throw new StartError(
      `The persisted documents at ${path} cannot be read; it must be a directory of .graphql files, or a JSON file of documents by their SHA-256.`,
    );
  }
}

function problemOf(text: string, schema: GraphQLSchema): string | null {
  try {
    return validate(schema, parse(text))[0]?.message ?? null;
  } catch (error) {
    if (error instanceof GraphQLError) return error.message;
    throw error;
  }
}
