/**
 * What a creation sends: a multipart form with a file, or JSON with rows, as one shape. What the file holds is left to
 * `emulator-input.ts`.
 */
import { parsedObject } from '../../domain/json-reading.ts';
import type { EmulatorRequest } from '../emulator/server.ts';

/** A creation as it was asked for. */
export interface CreationForm {
  readonly kind: 'form' | 'rows';
  readonly dryRun: boolean;
  readonly webhookUrl: string | null;
  /** The JSON lines. */
  readonly content: string;
  /** What is wrong with the form around the content, a sentence each. */
  readonly problems: readonly string[];
}

const readForms = new WeakMap<EmulatorRequest, Promise<CreationForm>>();

/** The form of a request. Whoever names the operation and whoever handles it read the same one. */
export function readCreation(request: EmulatorRequest): Promise<CreationForm> {
  const form = readForms.get(request) ?? read(request);
  readForms.set(request, form);
  return form;
}

const read = async ({ headers, text }: EmulatorRequest): Promise<CreationForm> => {
  const contentType = headers['content-type'] ?? '';
  const body = await text();
  if (/^application\/json\b/i.test(contentType)) return readRows(body);
  const init = { headers: { 'content-type': contentType } };
  const form = await new Response(body, init).formData().catch(() => null);
  return form === null ? nothing('form', ['Multipart: Unexpected end of form']) : readParts(form);
};

/** The file's part has two names. */
const fileNames = ['input', 'file'];
const fieldNames = ['webhook_url', 'dry_run'];

const readParts = async (form: FormData): Promise<CreationForm> => {
  const files = fileNames.map((name) => form.get(name)).filter((part) => part instanceof File);
  const unknown = [...form.keys()].filter((name) => ![...fileNames, ...fieldNames].includes(name));
  const dryRun = form.get('dry_run') ?? 'false';
  const webhookUrl = form.get('webhook_url');
  const [file] = files;
  return {
    kind: 'form',
    dryRun: dryRun === 'true',
    webhookUrl: typeof webhookUrl === 'string' && webhookUrl !== '' ? webhookUrl : null,
    content: (await file?.text()) ?? '',
    problems: [
      ...unknown.map((name) => `property ${name} should not exist`),
      ...(file === undefined ? ['input file is required'] : []),
      ...(dryRun === 'true' || dryRun === 'false' ? [] : ['dry_run must be a boolean value']),
    ],
  };
};

const readRows = (body: string): CreationForm => {
  const value = parsedObject(body);
  if (value === null) return nothing('rows', ['The body is not a JSON object']);
  const { rows, webhook_url: webhookUrl = null, dry_run: dryRun = false, ...others } = value;
  return {
    kind: 'rows',
    dryRun: dryRun === true,
    webhookUrl: typeof webhookUrl === 'string' ? webhookUrl : null,
    content: Array.isArray(rows) ? rows.map((row) => `${JSON.stringify(row)}\n`).join('') : '',
    problems: [
      ...Object.keys(others).map((name) => `property ${name} should not exist`),
      ...(Array.isArray(rows) ? [] : ['rows must be an array']),
      ...(typeof dryRun === 'boolean' ? [] : ['dry_run must be a boolean value']),
      ...(webhookUrl === null || typeof webhookUrl === 'string' ? [] : ['webhook_url must be a URL address']),
    ],
  };
};

const nothing = (kind: CreationForm['kind'], problems: string[]): CreationForm => ({
  kind,
  dryRun: false,
  webhookUrl: null,
  content: '',
  problems,
});
