/** The clauses about what a provider says of itself: its limits, and the requests that it takes. */
import { readJsonLine } from '../../domain/json-line.ts';
import { ProviderFailure } from '../failure.ts';
import type { RequestDraft } from '../provider.ts';
import { type Bench, bodyFor, lineOf } from './bench.ts';
import type { Check } from './check.ts';
import { demand, skip } from './demands.ts';

/** Checks BQ-L…. */
export const limits: readonly Check[] = [
  {
    id: 'BQ-L01',
    level: 'MUST',
    title: 'A job of the fewest requests is taken.',
    source: 'contract: ProviderLimits.requestsMin',
    async run(bench) {
      const job = await bench.submit(bench.draft(bench.few()));
      const report = await bench.finish(job);
      demand(report.status === 'COMPLETED', `it is ${report.status}`);
    },
  },
  {
    id: 'BQ-L02',
    level: 'MUST',
    title: 'A job of one request more than the most is refused by the provider.',
    source: 'facts 8: max requests',
    async run(bench) {
      const { requestsMax } = bench.provider.limits;
      if (requestsMax === null) skip('this provider names no maximum');
      demand(await refused(bench, bench.draft(bench.bodies(requestsMax + 1))), 'it was taken');
    },
  },
  {
    id: 'BQ-L03',
    level: 'MUST',
    title: 'Our own line for an item is one of the native form, with its key and its body verbatim.',
    source: 'contract: Dialect.read, Encoding.envelope',
    async run(bench) {
      const body = bodyFor(bench.provider, 'Hi', 0);
      const [item] = bench.draft([
        body.replace('{', '{ "seed":12345678901234567890, "a":"\\u00e9" , '),
      ]).items;
      demand(item !== undefined, 'there is no item');
      const draft = read(bench, lineOf(bench.provider, item));
      demand(draft !== null, 'the line is not recognised');
      demand(draft.body === item.body, 'the body is not verbatim');
      const keyed = bench.provider.itemsNamedBy === 'KEY';
      demand(!keyed || draft.customId === item.key, 'the key is not the custom id');
      demand(draft.endpoint === null || draft.endpoint === item.endpoint, 'the endpoint is another');
      demand((draft.problems ?? []).length === 0, 'something is wrong with the line');
    },
  },
  {
    id: 'BQ-L04',
    level: 'MUST',
    title: 'A line of another form is not recognised.',
    source: 'contract: Dialect.read',
    async run(bench) {
      for (const line of ['{}', '{"prompt":"Hi"}', '{"customId":"a","body":{}}', '{"requests":[]}']) {
        demand(read(bench, line) === null, `this line is taken for one: ${line}`);
      }
    },
  },
  {
    id: 'BQ-L05',
    level: 'MUST',
    title: 'A body that is right has no problems and tells its model; one that cannot be right has some.',
    source: 'contract: Dialect.inspect',
    async run(bench) {
      const [endpoint] = bench.provider.endpoints;
      const { example, modelPlace } = bench.provider;
      const right = bench.provider.dialect.inspect({
        endpoint,
        body: JSON.parse(bodyFor(bench.provider, 'Hi', 0)),
      });
      demand(right.problems.length === 0, `a good body is refused: ${right.problems.join('; ')}`);
      demand(modelPlace !== 'BODY' || right.model === example.model, 'its model is not told');
      const empty = bench.provider.dialect.inspect({ endpoint, body: {} });
      demand(empty.problems.length > 0, 'an empty body is taken');
      demand(
        empty.problems.every((problem) => problem.startsWith('body')),
        'a problem does not name its field',
      );
      demand(empty.model === null, 'a model was made up');
    },
  },
  {
    id: 'BQ-L06',
    level: 'MUST',
    title: 'A job of one request less than the fewest is refused by the provider.',
    source: 'facts 8: min requests',
    async run(bench) {
      const { requestsMin } = bench.provider.limits;
      if (requestsMin <= 1) skip('this provider takes a single request');
      demand(await refused(bench, bench.draft(bench.bodies(requestsMin - 1))), 'it was taken');
    },
  },
  {
    id: 'BQ-L07',
    level: 'MUST',
    title: 'The further settings that a provider needs are those that its connection has.',
    source: 'contract: ProviderSettings.more',
    async run(bench) {
      const { more = {} } = bench.provider.settings;
      for (const [name, { required, pattern, must }] of Object.entries(more)) {
        const value = bench.emulator.more?.[name];
        demand(value !== undefined || !required, `the connection lacks ${name}`);
        demand(value === undefined || pattern.test(value), `${name} is not ${must}`);
      }
      const strange = Object.keys(bench.emulator.more ?? {}).find((name) => more[name] === undefined);
      demand(strange === undefined, `the connection has ${strange}, which is no setting`);
    },
  },
];

const read = (bench: Bench, text: string): RequestDraft | null => {
  const line = readJsonLine(text);
  demand('value' in line, 'the line is not JSON');
  return bench.provider.dialect.read(line);
};

/** Whether a job is refused: at once, or by failing as a whole when the provider has looked at it. */
const refused = async (bench: Bench, draft: ReturnType<Bench['draft']>): Promise<boolean> => {
  try {
    return (await bench.finish(await bench.submit(draft))).status === 'FAILED';
  } catch (thrown) {
    return thrown instanceof ProviderFailure && thrown.kind === 'rejected';
  }
};
