/**
 * Two organizations that have as much as each other, and the one comparison that all tests of isolation make: what the
 * owner has is to the stranger what never was, byte for byte, and to nobody what anything is.
 */
import { expect } from 'vitest';
import { sandboxKey } from '../../src/first-keys.ts';
import { schema } from '../../src/schema/index.ts';
import { type Answer, ask, idOfNothing, type Question, textsIn, without } from './asking.ts';
import { documentOf, rootsOf } from './isolation-cases.ts';
import { startTestService, type TestService } from './service.ts';
import { settle, type Tenant, tenantSettings } from './tenant.ts';

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
type Json = any;

/** A service with the two, and with what the owner can read before a test begins. */
export interface Isolation {
  readonly service: TestService;
  readonly owner: Tenant;
  readonly stranger: Tenant;
  /** Every object of a type that the owner can read. */
  ownedOf(type: string): Json[];
  /** The texts in an answer that only the owner's answers have. */
  secretsIn(answer: unknown): string[];
  /** A question to the API. */
  graphql(document: string, variables?: Record<string, unknown>): Question;
  /**
   * Fails unless the stranger, nobody, and who has a token for another batch are told of what is named what they are told
   * of `nothing`, and none of the owner's secrets; nobody is told 401. Answers what the stranger was told.
   */
  expectNothing(
    named: string,
    about: (named: string) => Question | Promise<Question>,
    nothing?: string,
  ): Promise<Answer>;
  /** Counts a question that was compared in another way. */
  count(): void;
  close(): Promise<void>;
}

/** Starts it. */
export async function startIsolation(): Promise<Isolation> {
  const service = await startTestService(tenantSettings);
  const everything = async (key: string): Promise<Json[]> => {
    const roots = rootsOf(schema.getQueryType()).filter(({ ids }) => ids.length === 0);
    const answers = await Promise.all(roots.map((root) => service.query(documentOf(root, null), {}, key)));
    for (const { errors } of answers) expect(errors).toBeUndefined();
    return answers.map(({ data }) => data);
  };
  const organization = async (word: string) =>
    settle(service, word, (await service.addOrganization(word)).key);
  await settle(service, 'anybody');
  // What could be read before the owner had anything tells nothing of it.
  const common = new Set(textsIn(await everything(sandboxKey)));
  const owner = await organization('owner');
  // Where a cursor of the owner's lies among the stranger's rows is told by its time alone, never by its id.
  service.clock.advance({ seconds: 1 });
  const stranger = await organization('stranger');
  const owned = await everything(owner.key);
  const secrets = [...new Set(textsIn(owned))].filter((text) => !common.has(text) && !isNumber(text));
  let cases = 0;
  const count = () => {
    cases += 1;
  };
  const secretsIn = (answer: unknown) => {
    const text = JSON.stringify(answer);
    return secrets.filter((secret) => text.includes(secret));
  };
  return {
    service,
    owner,
    stranger,
    ownedOf: (type) => objectsIn(owned).filter(({ __typename }) => __typename === type),
    secretsIn,
    graphql: (query, variables = {}) => ({ url: `${service.url}/graphql`, body: { query, variables } }),
    async expectNothing(named, about, nothing = idOfNothing(named)) {
      count();
      const [told] = await Promise.all(
        [stranger.key, null, owner.token].map(async (key) => {
          const answer = without(await ask(await about(named), key), named);
          expect(answer).toEqual(without(await ask(await about(nothing), key), nothing));
          expect(secretsIn(answer)).toEqual([]);
          if (key === null) expect(answer.status).toBe(401);
          return answer;
        }),
      );
      if (told === undefined) throw new Error('the stranger was asked');
      return told;
    },
    count,
    async close() {
      console.log(
        `Isolation: ${cases} questions, each asked by the owner, by a stranger, by a token for something else, and by nobody.`,
      );
      await service.close();
    },
  };
}

/** A time, or a cursor that holds nothing but numbers: anybody's may be the same. */
const isNumber = (text: string): boolean =>
  /^\d{4}-\d\d-\d\dT/.test(text) || /^\["\w+"(?:,\d+)+\]$/.test(Buffer.from(text, 'base64url').toString());

/** Every object in a value, the value itself included. */
export function objectsIn(value: unknown): Json[] {
  if (typeof value !== 'object' || value === null) return [];
  return [value, ...Object.values(value).flatMap(objectsIn)];
}
