/** What a key may do is what its scope says: held for every mutation and every field that the schema has. */
import { getNamedType, isLeafType, isObjectType } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { schema } from '../../src/schema/index.ts';
import { addKey, organizationOf } from '../support/keys.ts';
import { mutationDocument } from '../support/mutations.ts';
import { forEveryKey, leastInput, mutationNames } from '../support/sample-inputs.ts';
import { fieldsOf, selectionsOf } from '../support/selections.ts';
import { startTestService, type TestService } from '../support/service.ts';

let service: TestService;
let keys: { read: string; write: string; admin: string };
beforeAll(async () => {
  service = await startTestService();
  const organization = await organizationOf(service);
  keys = {
    read: await addKey(service, organization, { scope: 'read' }),
    write: await addKey(service, organization, { scope: 'write' }),
    admin: await addKey(service, organization, { scope: 'admin' }),
  };
});
afterAll(() => service.close());

/** Fields that only admins may ask for say so. */
const isForAdmins = ({ description }: { description?: string | null | undefined }) =>
  /\bscope ADMIN\b/.test(description ?? '');

const refused = (scope: string) =>
  expect.objectContaining({
    message: `This needs a key with the scope "${scope}".`,
    extensions: { code: 'FORBIDDEN' },
  });

const isAdminMutation = (name: string) => {
  const field = schema.getMutationType()?.getFields()[name];
  return field !== undefined && isForAdmins(field);
};

describe.each(mutationNames)('The mutation %s', (name) => {
  const call = async (key: string) =>
    (await service.query(mutationDocument(name), { input: leastInput(name) }, key)).errors;

  it(`is ${forEveryKey.includes(name) ? 'open' : 'refused'} to a key that may only read`, async () => {
    expect(await call(keys.read)).toEqual(forEveryKey.includes(name) ? undefined : [refused('write')]);
  });

  it('is open to the scope that it says, and to no less', async () => {
    if (!isAdminMutation(name)) expect(await call(keys.write)).toBeUndefined();
    else {
      expect(await call(keys.write)).toEqual([refused('admin')]);
      expect(await call(keys.admin)).toBeUndefined();
    }
  });
});

/** Every field below `viewer`, with what leads to it. */
const ofViewer = (() => {
  const found: { path: string; document: string; forAdmins: boolean }[] = [];
  const walk = (typeName: string, path: readonly string[], wrap: (inner: string) => string): void => {
    const type = schema.getType(typeName);
    for (const field of fieldsOf(isObjectType(type) ? type : null)) {
      const here = [...path, field.name];
      const [selection = field.name] = selectionsOf(field);
      found.push({ path: here.join('.'), document: wrap(selection), forAdmins: isForAdmins(field) });
      const inner = getNamedType(field.type);
      if (isLeafType(inner) || isForAdmins(field) || field.args.length > 0 || here.length > 2) continue;
      walk(inner.name, here, (deeper) => wrap(`${field.name} { ${deeper} }`));
    }
  };
  walk('Viewer', ['viewer'], (inner) => `{ viewer { ${inner} } }`);
  return found;
})();

describe.each(ofViewer)('The field $path', ({ document, forAdmins }) => {
  it(`is ${forAdmins ? 'for admins alone' : 'there for every key'}`, async () => {
    for (const key of [keys.read, keys.write]) {
      const { errors } = await service.query(document, {}, key);
      if (forAdmins) expect(errors).toEqual([refused('admin')]);
      else expect(errors).toBeUndefined();
    }
    expect((await service.query(document, {}, keys.admin)).errors).toBeUndefined();
  });
});

it('The walk finds what is for admins alone', () => {
  const paths = ofViewer.filter(({ forAdmins }) => forAdmins).map(({ path }) => path);
  expect(paths.sort()).toEqual([
    'viewer.callbackSecret',
    'viewer.organization.apiKeys',
    'viewer.organization.audit',
    'viewer.organization.credentials',
  ]);
  expect(mutationNames.filter(isAdminMutation).sort()).toEqual(
    expect.arrayContaining([
      'addCredential',
      'createApiKey',
      'revokeApiKey',
      'revokeCredential',
      'rotateCallbackSecret',
    ]),
  );
});
