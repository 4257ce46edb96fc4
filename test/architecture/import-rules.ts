/**
 * Who may import whom, as data: the table in `docs/architecture.md` is made of it (`write-import-rules.ts`), and
 * the test holds the sources to it. What is not allowed is forbidden, in imports of types, too.
 */
import type { SourceFile } from './source.ts';

/** One part of the service, and what it may know of. */
export interface ImportRule {
  /** Its name: a path below `src`; `<name>` stands for one provider. */
  readonly part: string;
  /** Which files belong to it: what their paths below `src` match. The first rule that fits a file is its rule. */
  readonly files: RegExp;
  /** Other parts; `*` for all. Its own files a part always may, of the same `<name>`. */
  readonly parts: readonly string[];
  /** Packages, with all that lies below them; `node:` for all of Node's own modules. */
  readonly packages: readonly string[];
  readonly why: string;
}

const emulator = 'providers/<name>/emulator*.ts';
const adapter = 'providers/<name>';
const contract = 'providers/{provider,emulation}.ts';
const registry = 'providers/registry.ts';
const wire = 'providers/emulator';
const compatible = 'providers/compatible';
const quirks = 'providers/compatible/quirks.ts';

/** The rules, from the inside to the outside. */
export const importRules: readonly ImportRule[] = [
  {
    part: 'errors.ts',
    files: /^errors\.ts$/,
    parts: ['domain'],
    packages: [],
    why: 'what a caller can get wrong, as classes',
  },
  { part: 'clock.ts', files: /^clock\.ts$/, parts: [], packages: [], why: 'the one door of time' },
  {
    part: 'kept-clock.ts',
    files: /^kept-clock\.ts$/,
    parts: ['clock.ts'],
    packages: ['pino'],
    why: 'time as all processes have it: measured against another clock',
  },
  {
    part: 'domain',
    files: /^domain\//,
    parts: ['errors.ts'],
    packages: ['zod'],
    why: 'pure rules: no I/O, no clock',
  },
  {
    part: 'db',
    files: /^db\//,
    parts: ['domain', 'errors.ts'],
    packages: ['drizzle-orm', 'graphile-worker', 'node:', 'pg', 'pg-copy-streams', 'postgres', 'zod'],
    why: 'storage: knows nothing of who asks or what for',
  },
  {
    part: contract,
    files: /^providers\/(?:contract\/|(?:provider|emulation)\.ts$)/,
    parts: ['clock.ts', 'domain'],
    packages: ['node:'],
    why: 'the contracts of all providers and emulators',
  },
  {
    part: wire,
    files: /^providers\/emulator\//,
    parts: [contract, 'clock.ts', 'domain'],
    packages: ['node:', 'zod'],
    why: 'what emulators share; a fault in an adapter must not be repeated by what tests it',
  },
  {
    part: quirks,
    files: /^providers\/(?<name>compatible)\/quirks\.ts$/,
    parts: [],
    packages: ['zod'],
    why: 'data: in what services differ that speak one wire; adapter and emulator are told the same',
  },
  {
    part: emulator,
    files: /^providers\/(?<name>(?!audit\/)[^/]+)\/emulator[^/]*\.ts$/,
    parts: [quirks, wire, contract, 'clock.ts', 'domain'],
    packages: ['node:', 'zod'],
    why: 'a vendor in small: knows the wire from its documents, and nothing of its adapter',
  },
  {
    part: compatible,
    files: /^providers\/compatible\//,
    parts: [quirks, emulator, 'providers', contract, 'clock.ts', 'domain', 'errors.ts'],
    packages: ['node:', 'openai', 'zod'],
    why: "the adapter of every service that speaks OpenAI's wire; their folders say what is special",
  },
  {
    part: adapter,
    files: /^providers\/(?<name>(?!audit\/)[^/]+)\//,
    parts: [emulator, compatible, 'providers', contract, 'clock.ts', 'domain', 'errors.ts'],
    packages: ['@anthropic-ai/sdk', '@aws-sdk', 'node:', 'zod'],
    why: 'one vendor: knows no other, no storage and no settings',
  },
  {
    part: registry,
    files: /^providers\/registry\.ts$/,
    parts: [adapter, contract],
    packages: [],
    why: 'the one list of providers',
  },
  {
    part: 'providers',
    files: /^providers\/(?:audit\/|[^/]+$)/,
    parts: [contract, 'clock.ts', 'domain', 'errors.ts'],
    packages: ['node:', 'standardwebhooks', 'zod'],
    why: 'what adapters share, the audit of all, and which of them can be called',
  },
  {
    part: 'emulators',
    files: /^emulators\//,
    parts: [wire, contract, 'clock.ts', 'errors.ts'],
    packages: ['node:', 'zod'],
    why: 'emulators on one port for software that is not ours, with controls over HTTP; is told which providers',
  },
  {
    part: 'callbacks',
    files: /^callbacks\//,
    parts: ['clock.ts', 'db', 'domain', 'errors.ts', 'services.ts'],
    packages: ['ipaddr.js', 'node:', 'standardwebhooks'],
    why: 'calling back: what is told of an end, to whom, how often, and signed with what; knows no verb of a batch',
  },
  {
    part: 'prices',
    files: /^prices\//,
    parts: [contract, 'domain', 'errors.ts'],
    packages: ['@pydantic/genai-prices', 'node:', 'zod'],
    why: "what models cost: a catalogue of others', and the operator's own",
  },
  {
    part: 'meter.ts',
    files: /^meter\.ts$/,
    parts: [],
    packages: [],
    why: 'where a process counts what it does',
  },
  {
    part: 'metrics',
    files: /^metrics\//,
    parts: ['db', 'domain', 'meter.ts', 'providers', contract, 'services.ts'],
    packages: ['node:', 'prom-client'],
    why: 'the figures that an operator asks for: what is counted, found and told',
  },
  {
    part: 'rates',
    files: /^rates\//,
    parts: ['clock.ts', 'db', 'domain', 'errors.ts'],
    packages: ['pino', 'rate-limiter-flexible'],
    why: 'how often and how much at once: counts and refuses; what an operation costs is decided outside',
  },
  {
    part: 'services.ts',
    files: /^services\.ts$/,
    parts: [
      'callbacks',
      'clock.ts',
      'credentials',
      'db',
      'domain',
      'events',
      'meter.ts',
      'prices',
      'providers',
      contract,
      'rates',
    ],
    packages: ['node:', 'pino'],
    why: 'the parts that every verb is handed',
  },
  {
    part: 'events',
    files: /^events\//,
    parts: ['db', 'domain', 'errors.ts', 'services.ts'],
    packages: ['node:'],
    why: 'live updates, read from the database',
  },
  {
    part: 'credentials',
    files: /^credentials\//,
    parts: ['clock.ts', 'db', 'domain', 'errors.ts', 'providers', contract, 'services.ts'],
    packages: ['node:', 'zod'],
    why: 'what organizations bring to be called as: kept encrypted, chosen, watched; knows no verb of a batch',
  },
  {
    part: 'batches',
    files: /^batches\//,
    parts: [
      'callbacks',
      'clock.ts',
      'credentials',
      'db',
      'domain',
      'errors.ts',
      'events',
      'providers',
      contract,
      'services.ts',
    ],
    packages: ['node:', 'pino', 'zod'],
    why: 'the verbs: no concrete provider, no GraphQL, no server',
  },
  {
    part: 'worker',
    files: /^worker\//,
    parts: ['batches', 'callbacks', 'clock.ts', 'db', 'domain', 'errors.ts', 'events', 'services.ts'],
    packages: ['graphile-worker', 'node:', 'pg', 'pino'],
    why: 'the door of background work',
  },
  {
    part: 'config',
    files: /^config(?:\.ts$|\/)/,
    parts: ['domain', 'errors.ts', compatible, contract, 'rates', 'services.ts'],
    packages: ['node:', 'zod'],
    why: 'the only reader of the environment',
  },
  {
    part: 'log.ts',
    files: /^log\.ts$/,
    parts: ['config', 'db', 'errors.ts'],
    packages: ['pino'],
    why: 'what may stand in a log',
  },
  {
    part: 'sign-in.ts',
    files: /^(?:sign-in|grant-signer|first-keys)\.ts$/,
    parts: ['clock.ts', 'config', 'db', 'domain', 'errors.ts', 'services.ts'],
    packages: ['node:', 'pino'],
    why: 'whose key it is (`grant-signer.ts`: what a key has signed; `first-keys.ts`: which keys there are at first)',
  },
  {
    part: 'audit',
    files: /^audit\//,
    parts: ['clock.ts', 'db', 'domain', 'errors.ts', 'services.ts'],
    packages: [],
    why: 'who did what: knows no verb',
  },
  {
    part: 'keys',
    files: /^keys\//,
    parts: ['audit', 'clock.ts', 'db', 'domain', 'errors.ts', 'services.ts', 'sign-in.ts'],
    packages: ['node:'],
    why: 'the verbs of organizations and their keys',
  },
  {
    part: 'resolvers',
    files: /^resolvers\//,
    parts: [
      'audit',
      'batches',
      'callbacks',
      'context.ts',
      'credentials',
      'db',
      'domain',
      'errors.ts',
      'events',
      'keys',
      'providers',
      contract,
      'rates',
      'services.ts',
    ],
    packages: ['dataloader', 'node:', 'zod'],
    why: 'plain functions behind the fields: no Pothos, no drizzle, no SQL',
  },
  {
    part: 'context.ts',
    files: /^context\.ts$/,
    parts: ['db', 'domain', 'resolvers', 'services.ts'],
    packages: [],
    why: 'what every resolver is handed',
  },
  {
    part: 'schema',
    files: /^schema\//,
    parts: ['context.ts', 'domain', 'errors.ts', 'resolvers', 'services.ts'],
    packages: ['@pothos', 'graphql', 'node:', 'zod'],
    why: 'types, fields and descriptions; each field is one call of a resolver',
  },
  {
    part: 'http',
    files: /^http\//,
    parts: [
      'batches',
      'context.ts',
      'db',
      'domain',
      'errors.ts',
      'meter.ts',
      'rates',
      'schema',
      'services.ts',
      'sign-in.ts',
    ],
    packages: [
      '@graphql-yoga',
      'content-disposition',
      'graphql',
      'graphql-ws',
      'graphql-yoga',
      'ipaddr.js',
      'node:',
      'ws',
      'zod',
    ],
    why: 'the door of callers and of providers that call us: routes, sockets, headers',
  },
  {
    part: 'app.ts',
    files: /^app\.ts$/,
    parts: ['*'],
    packages: ['node:', 'pino'],
    why: 'the composition root',
  },
  {
    part: 'cli',
    files: /^cli\//,
    parts: ['*'],
    packages: ['cli-progress', 'commander', 'graphql', 'graphql-ws', 'node:', 'pino', 'ws', 'zod'],
    why: 'the door of operators',
  },
];

/** Beside `src`: benchmarks and tests may know of everything in it, and it knows of neither. */
const outside = [
  { part: 'bench', files: /^bench\//, mayNotImport: /^test\// },
  { part: 'src', files: /^src\//, mayNotImport: /^(?:bench|test)\// },
] as const;

/** Everything that the files below `src` import and may not. */
export function forbiddenImports(files: readonly SourceFile[]): string[] {
  const known = new Set(files.map(({ path }) => path));
  return files.flatMap((file) => {
    const misplaced = outside.flatMap(({ part, files, mayNotImport }) =>
      file.imports.flatMap(({ path }) =>
        files.test(file.path) && path !== null && mayNotImport.test(path)
          ? [`${file.path} (${part}) imports ${path}`]
          : [],
      ),
    );
    if (misplaced.length > 0 || !file.path.startsWith('src/')) return misplaced;
    const home = placeOf(file.path);
    if (home === null) return [`${file.path} belongs to no part; add one to the import rules`];
    return file.imports.flatMap(({ specifier, path }) => {
      if (path === null) {
        return mayUse(home.rule, specifier)
          ? []
          : [`${file.path} (${home.rule.part}) imports the package ${specifier}`];
      }
      if (!known.has(path)) return [`${file.path} imports ${path}, which does not exist`];
      const target = placeOf(path);
      if (target === null) return [];
      return mayImport(home, target)
        ? []
        : [`${file.path} (${home.rule.part}) imports ${path} (${target.rule.part})`];
    });
  });
}

/** The rules as a Markdown table, without a line feed at its end. */
export function importTable(): string {
  const rows = importRules.map(({ part, parts, packages, why }) => [
    `\`${part}\``,
    parts.map((name) => (name === '*' ? 'anything' : `\`${name}\``)).join(', '),
    packages.map((name) => `\`${name === 'node:' ? 'node:*' : name}\``).join(', '),
    why,
  ]);
  const all = [['Part of `src`', 'May import', 'Packages', 'Because it is'], Array(4).fill('---'), ...rows];
  return all.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

interface Place {
  readonly rule: ImportRule;
  /** Which provider, where the rule is one for each. */
  readonly name: string | undefined;
}

function placeOf(path: string): Place | null {
  const below = path.startsWith('src/') ? path.slice('src/'.length) : null;
  for (const rule of importRules) {
    const match = below === null ? null : rule.files.exec(below);
    if (match !== null) return { rule, name: match.groups?.['name'] };
  }
  return null;
}

function mayImport(home: Place, target: Place): boolean {
  const isOwn = home.name === undefined || target.name === undefined || home.name === target.name;
  return (
    isOwn && [home.rule.part, ...home.rule.parts].some((part) => part === '*' || part === target.rule.part)
  );
}

const mayUse = ({ packages }: ImportRule, specifier: string): boolean =>
  packages.some((name) =>
    name === 'node:' ? specifier.startsWith(name) : specifier === name || specifier.startsWith(`${name}/`),
  );
