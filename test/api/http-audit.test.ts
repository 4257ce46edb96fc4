/** The published suite of the GraphQL-over-HTTP specification, run in full against the service. */
import { serverAudits } from 'graphql-http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sandboxKey } from '../../src/first-keys.ts';
import { startTestService, type TestService } from '../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());

const withKey = (url: string, init: RequestInit = {}) =>
  fetch(url, {
    ...init,
    headers: { ...Object.fromEntries(new Headers(init.headers)), 'x-api-key': sandboxKey },
  });

/** Made once to have their names, which do not depend on where the service listens; run against the service below. */
const audits = serverAudits({ url: () => `${service.url}/graphql`, fetchFn: withKey });

describe('GraphQL over HTTP', () => {
  it('is audited by the whole suite', () => {
    expect(audits.length).toBeGreaterThan(50);
  });

  it.each(audits.map((audit) => [audit.id, audit.name, audit] as const))(
    '%s: %s',
    async (_id, _name, audit) => {
      expect(await audit.fn()).toMatchObject({ status: 'ok' });
    },
  );
});
