/**
 * What an organization can be asked for, read off the schema, and what only a person can tell about it: a good input
 * of each mutation, and what each text in an input is. What is new in the schema is missing here until somebody says so.
 */
import { randomUUID } from 'node:crypto';
import {
  type GraphQLArgument,
  type GraphQLInputField,
  type GraphQLNamedType,
  type GraphQLObjectType,
  getNamedType,
  getNullableType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isRequiredArgument,
} from 'graphql';
import { schema } from '../../src/schema/index.ts';
import { chatBody } from './documents.ts';
import {
  connectionOf,
  everythingOf,
  fieldsOf,
  leavesOf,
  nodeTypeOf,
  objectTypeOf,
  placesBelowLists,
} from './selections.ts';
import type { Tenant } from './tenant.ts';

type Input = Record<string, unknown>;

/** An input of each mutation with which it does something, new each time. */
export const inputs: Readonly<Record<string, (tenant: Tenant) => Promise<Input>>> = {
  createBatch: async ({ credential }) => ({
    provider: 'openai',
    credentialId: await credential(),
    idempotencyKey: randomUUID(),
  }),
  addRequests: async ({ open }) => ({
    batchId: await open(),
    requests: { list: [{ body: chatBody('more') }] },
    idempotencyKey: randomUUID(),
  }),
  createUpload: async ({ open }) => ({ batchId: await open(), idempotencyKey: randomUUID() }),
  updateBatch: async ({ open }) => ({ batchId: await open(), name: 'renamed' }),
  submitBatch: async ({ open }) => ({ batchId: await open() }),
  syncBatch: async ({ done }) => ({ batchId: done }),
  cancelBatch: async ({ open }) => ({ batchId: await open() }),
  retryBatch: async ({ cancelled }) => ({ batchId: await cancelled(), idempotencyKey: randomUUID() }),
  deleteProviderFiles: async ({ done }) => ({ batchId: done }),
  deleteBatch: async ({ open }) => ({ batchId: await open() }),
  redeliverCallback: async ({ cancelled }) => ({
    batchId: await cancelled({ callbackUrl: 'http://127.0.0.1:1' }),
  }),
  resolveJob: async ({ lostJob }) => ({ jobId: await lostJob(), resolution: { giveUp: true } }),
  adoptJob: async ({ adoptable, credential }) => ({
    ...(await adoptable()),
    credentialId: await credential(),
  }),
  rotateCallbackSecret: async () => ({ graceHours: 1 }),
  setQuotas: async () => ({ activeBatches: 1_000_000 }),
  setBudget: async () => ({ limit: '1000000' }),
  createApiKey: async () => ({ name: 'another', scope: 'WRITE' }),
  createReadToken: async ({ done }) => ({ batches: { ids: done } }),
  revokeApiKey: async ({ anotherKey }) => ({ apiKeyId: await anotherKey() }),
  addCredential: async ({ credential }) => ({
    provider: 'openai',
    name: 'another',
    apiKey: 'sk-nobodys-0123456789abcdef',
    replaces: await credential(),
  }),
  revokeCredential: async ({ credential }) => ({ credentialId: await credential() }),
};

/** The same where a mutation takes one id or another: by the path of the id. */
export const inputsById: typeof inputs = {
  'createUpload by batch.credentialId': async ({ credential }) => ({
    batch: { provider: 'openai', credentialId: await credential() },
  }),
};

/** Whether values of the type are ids, global or plain. */
export const isIdType = (name: string): boolean => name === 'ID' || name === 'UUID';

/** An argument or a field of an input by which something is named. */
export interface Naming {
  /** As in `Query.batch(id:)` and `RetryFilter.customIds`. */
  readonly coordinate: string;
  readonly name: string;
  readonly type: string;
}

const naming = (owner: string, { name, type }: GraphQLArgument | GraphQLInputField, isArgument = false) => ({
  coordinate: isArgument ? `${owner}(${name}:)` : `${owner}.${name}`,
  name,
  type: getNamedType(type).name,
});

const types = Object.values(schema.getTypeMap()).filter((type) => !isIntrospectionType(type));
const objects = types.filter((type) => isObjectType(type));

/** Every argument and input field of the schema. */
export const namings: readonly Naming[] = types.flatMap((type) => {
  if (isInputObjectType(type))
    return Object.values(type.getFields()).map((field) => naming(type.name, field));
  if (!isObjectType(type)) return [];
  return fieldsOf(type).flatMap((field) =>
    field.args.map((argument) => naming(`${type.name}.${field.name}`, argument, true)),
  );
});

/** Texts that name something of somebody's, each with a test of its own. */
export const namingTexts = [
  'AddRequestsInput.idempotencyKey',
  'AdoptJobInput.providerJobId',
  'Batch.item(customId:)',
  'CreateBatchInput.idempotencyKey',
  'CreateUploadInput.idempotencyKey',
  'JobResolution.providerJobId',
  'RetryBatchInput.idempotencyKey',
  'RetryFilter.customIds',
];

/** Texts that are what they say, or name what is the same for everybody. */
export const plainTexts = [
  ...['AdoptJobInput', 'CreateBatchInput', 'UploadedBatchInput'].flatMap((input) =>
    ['callbackUrl', 'completionWindow', 'endpoint', 'model', 'name', 'provider'].map(
      (name) => `${input}.${name}`,
    ),
  ),
  'AddCredentialInput.apiKey',
  'AddCredentialInput.name',
  'AddCredentialInput.provider',
  'BatchFilter.namePrefix',
  'BatchFilter.provider',
  'BatchItemFilter.errorCode',
  'CreateApiKeyInput.name',
  'CredentialSettingInput.name',
  'CredentialSettingInput.value',
  'JobFilter.provider',
  'RequestInput.customId',
  'RequestInput.endpoint',
  'RequestInput.model',
  'RequestsInput.jsonl',
  'RetryFilter.errorCode',
  'SetQuotasInput.providers',
  'UpdateBatchInput.callbackUrl',
  'UpdateBatchInput.name',
];

/** A field at the root of the schema. */
export interface Root {
  readonly type: GraphQLObjectType;
  readonly field: ReturnType<typeof fieldsOf>[number];
  /** The arguments that are ids. */
  readonly ids: readonly GraphQLArgument[];
}

/** The fields of Query or Subscription. */
export const rootsOf = (type: GraphQLObjectType | null | undefined): Root[] =>
  fieldsOf(type).map((field) => ({
    type: type as GraphQLObjectType,
    field,
    ids: field.args.filter((argument) => isIdType(getNamedType(argument.type).name)),
  }));

const nodeInterface = schema.getType('Node');
/** The types that have global ids. */
export const nodeTypes: readonly GraphQLObjectType[] = isInterfaceType(nodeInterface)
  ? [...schema.getPossibleTypes(nodeInterface)]
  : [];

/** A document that asks a root field for everything, with `$id` in place of an id. */
export function documentOf(
  { type, field, ids }: Root,
  node: GraphQLObjectType | null,
  more: readonly string[] = [],
) {
  const named: GraphQLNamedType = getNamedType(field.type);
  const connected = nodeTypeOf(field);
  const everything = (wanted: GraphQLNamedType | null): string =>
    isObjectType(wanted)
      ? everythingOf(wanted)
      : `__typename ... on ${node?.name} { ${node === null ? '' : everythingOf(node)} }`;
  const given = ids.map(
    ({ name, type: wanted }) => `${name}: ${String(wanted).startsWith('[') ? '[$id]' : '$id'}`,
  );
  const args = [...given, ...more].join(', ');
  const call = `${field.name}${args === '' ? '' : `(${args})`}`;
  const inner = connected === null ? everything(named) : connectionOf(everythingOf(connected));
  const variables = ids.length === 0 ? '' : '($id: ID!)';
  return `${type.name.toLowerCase()}${variables} { ${call} { ${inner} } }`;
}

/** A list that has cursors, and how to ask for pages of it wherever there is one. */
export interface CursorList {
  readonly coordinate: string;
  /** The document; the list itself is called `list` in its answer. */
  query(page: string): string;
}

/** How each type is asked for that a way leads to without a list: from the root on, through one field after the other. */
const ways = new Map<GraphQLObjectType, (selection: string) => string>();
function goOn(type: GraphQLObjectType | null | undefined, wrap: (selection: string) => string): void {
  for (const field of fieldsOf(type)) {
    const below = objectTypeOf(field);
    const isSingle = getNullableType(field.type) === below && nodeTypeOf(field) === null;
    if (below === null || !isSingle || ways.has(below) || field.args.some(isRequiredArgument)) continue;
    const way = (selection: string) => wrap(`${field.name} { ${selection} }`);
    ways.set(below, way);
    goOn(below, way);
  }
}
goOn(schema.getQueryType(), (selection) => `{ ${selection} }`);
const places = placesBelowLists();

/** Every connection of the schema. */
export const cursorLists: readonly CursorList[] = objects.flatMap((type) =>
  fieldsOf(type).flatMap((field) => {
    const node = nodeTypeOf(field);
    if (node === null) return [];
    const place = places.find((found) => found.type === type);
    const way = ways.get(type);
    const list = (page: string) =>
      `list: ${field.name}(${page}) { ${connectionOf(leavesOf(node) || '__typename')} }`;
    const query =
      type === schema.getQueryType()
        ? (page: string) => `{ ${list(page)} }`
        : (page: string) => {
            if (way !== undefined) return way(list(page));
            if (place === undefined) throw new Error(`nothing leads to ${type}.${field.name}`);
            return place.query(list(page), 50);
          };
    return [{ coordinate: `${type}.${field.name}`, query }];
  }),
);

/** Every field that is an address, by its type and name; those of payloads are told once, and never read. */
export const urlFields = objects
  .filter(({ name }) => !name.endsWith('Payload'))
  .flatMap((type) =>
    fieldsOf(type)
      .filter((field) => objectTypeOf(field) === null && getNamedType(field.type).name === 'URL')
      .map(({ name }) => ({ type: type.name, name })),
  );

/** An id in the input of a mutation. */
export interface IdField {
  readonly mutation: string;
  readonly coordinate: string;
  /** From the input on. */
  readonly path: readonly string[];
}

/** Every id in the input of a mutation, however deep it lies. */
export const idFields: readonly IdField[] = fieldsOf(schema.getMutationType()).flatMap((field) => {
  const below = (type: GraphQLNamedType, path: readonly string[]): IdField[] => {
    if (!isInputObjectType(type)) return [];
    return Object.values(type.getFields()).flatMap(({ name, type: wrapped }) => {
      const [own, inner] = [[...path, name], getNamedType(wrapped)];
      if (!isIdType(inner.name)) return below(inner, own);
      return [{ mutation: field.name, coordinate: `${type.name}.${name}`, path: own }];
    });
  };
  return field.args.flatMap(({ type }) => below(getNamedType(type), []));
});
