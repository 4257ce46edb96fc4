/** The generated parts of `docs/` that tell of providers: what each can do, how sure that is, and what is audited. */
import { checks } from '../providers/audit.ts';
import type { Provider, ProviderFacts } from '../providers/provider.ts';
import { providers } from '../providers/registry.ts';
import { code, table } from './docs-table.ts';

const subjects = [
  'limits',
  'statuses',
  'results',
  'recovery',
  'cancelling',
  'webhook',
] as const satisfies readonly (keyof ProviderFacts)[];

const named = ({ name, title }: Provider): string =>
  `[${title}](../src/providers/${name}/README.md) (${code(name)})`;
const yes = (holds: boolean): string => (holds ? 'yes' : 'no');
const grouped = (number: number): string => number.toLocaleString('en');

/** Every section by name. */
export const providerSections: Readonly<Record<string, () => string>> = {
  providers: () =>
    table(
      [
        'Provider',
        'requests per job',
        'bytes per job',
        'windows',
        'a job does not mix',
        'model named in',
        'line',
      ],
      providers.map((provider) => {
        const { limits, completionWindows, unmixable, distinct, modelPlace, dialect } = provider;
        const { requestsMin, requestsMax, bytesMax } = limits;
        const apart = [...unmixable, ...distinct.map((field) => `${field} (once each)`)];
        return [
          named(provider),
          requestsMax === null
            ? `${grouped(requestsMin)} or more`
            : `${grouped(requestsMin)} to ${grouped(requestsMax)}`,
          grouped(bytesMax),
          completionWindows.join(', '),
          apart.join(', ') || '–',
          { BODY: 'the body', JOB: 'the batch or the request', NONE: '–' }[modelPlace],
          code(dialect.form),
        ];
      }),
    ),
  'provider queues': () =>
    table(
      ['Provider', 'at once with one key', 'setting'],
      providers.flatMap((provider) =>
        provider.limits.queue.map(({ unit, per, max, setting }) => [
          named(provider),
          `${max === null ? 'as the account has it:' : grouped(max)} ${unit.toLowerCase()}${per === 'MODEL' ? ' of each model' : ''}`,
          code(setting),
        ]),
      ),
    ),
  'provider capabilities': () =>
    table(
      [
        'Provider',
        'cancel',
        'live counts',
        'results while it runs',
        'ends by itself',
        'deletes its files',
        'webhook',
        'a lost answer is found by',
      ],
      providers.map((provider) => {
        const { capabilities, webhook } = provider;
        const { recovery, recoveryKey, recoveryNeedsCallback } = capabilities;
        return [
          named(provider),
          yes(capabilities.cancel),
          yes(capabilities.liveCounts),
          yes(capabilities.partialResults),
          yes(capabilities.expires),
          yes(capabilities.deletion),
          webhook === null
            ? 'no'
            : `${{ JOB: 'for each job', ACCOUNT: 'for the account' }[webhook.registration]}, ${webhook.secret === null ? 'unsigned' : 'signed'}`,
          recovery === 'NONE'
            ? 'nothing'
            : `${recoveryKey}${recoveryNeedsCallback ? ' (needs `PUBLIC_URL`)' : ''}`,
        ];
      }),
    ),
  'provider facts': () =>
    table(
      ['Provider', ...subjects],
      providers.map((provider) => [
        named(provider),
        ...subjects.map((subject) => provider.facts[subject] ?? '–'),
      ]),
    ),
  'provider prices': () =>
    table(
      ['Provider', 'in the catalogue as', 'share that a batch pays', 'source of the share'],
      providers.map((provider) => {
        const { catalogue, batchShare, certainty } = provider.pricing;
        return [
          named(provider),
          catalogue === null ? '–' : code(catalogue),
          batchShare === null ? 'not known' : code(batchShare),
          certainty ?? '–',
        ];
      }),
    ),
  'provider endpoints': () =>
    table(
      ['Provider', 'endpoints; the first is the default'],
      providers.map((provider) => [named(provider), provider.endpoints.map(code).join(' ')]),
    ),
  'audit checks': () =>
    table(
      ['Id', 'level', 'what holds', 'where it comes from'],
      checks.map(({ id, level, title, source }) => [id, level, title, source]),
    ),
};
