/** The command line: which commands there are, and how a failure to start is told. Every command has its own
 * file, read only when it is asked for. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { StartError } from '../errors.ts';
import { version } from './version.ts';

const port = (text: string): number => {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 0 && number <= 65_535) return number;
  throw new InvalidArgumentError('It must be a whole number from 0 to 65535.');
};

const seconds = (text: string): number => {
  const number = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && number <= 86_400) return number;
  throw new InvalidArgumentError('It must be a number from 0 to 86400.');
};

const minutes = (text: string): number => {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1 && number <= 20_160) return number;
  throw new InvalidArgumentError('It must be a whole number from 1 to 20160.');
};

const httpUrl = (text: string): string => {
  const url = URL.parse(text);
  if (url !== null && /^https?:$/.test(url.protocol)) return url.href;
  throw new InvalidArgumentError('It must be an http or https URL.');
};

const words = (text: string): string[] => text.split(',').map((word) => word.trim());
const collected = (text: string, before: readonly string[]): string[] => [...before, text];

const program = new Command('batchql')
  .description(
    "One live GraphQL API in front of every provider's batch API. Settings come from the environment: docs/config.md.",
  )
  .version(version);

program
  .command('start', { isDefault: true })
  .description('Runs the service: the API, the worker, or both.')
  .option('--live', "call real providers although the database is the embedded one; needs a provider's key")
  .addOption(
    new Option('--role <role>', 'what this process does').choices(['all', 'api', 'worker']).default('all'),
  )
  .option('--port <port>', 'where to listen; PORT where left out, 0 for any that is free', port)
  .action(async (options) => (await import('./start.ts')).start(options));

program
  .command('demo')
  .description('Classifies every installed package in one batch and follows it live, unattended.')
  .option('--provider <name>', 'whom to ask: docs/providers.md', 'openai')
  .option('--live', 'ask the real provider; needs its key, and costs what it costs')
  .option('--model <name>', "the model to ask; a small one of the provider's where left out")
  .option(
    '--tenants',
    'instead, two organizations in one sandbox, of which one runs into its budget and the other does not notice',
  )
  .action(async (options) =>
    options.tenants === true
      ? (await import('./demo-tenants.ts')).demoTenants()
      : (await import('./demo.ts')).demo(options),
  );

program
  .command('upload')
  .description(
    'Sends a file of requests to a service that runs, into an open batch or a new one, as a whole or not at all: docs/uploads.md. Signs in with BATCHQL_API_KEY, and prints the UUID of the batch.',
  )
  .argument('<file>', 'JSON lines, plain or gzip; - for standard input')
  .option('--url <url>', 'where the service is', httpUrl, 'http://127.0.0.1:4000')
  .option('--batch <id>', 'the open batch that it goes into')
  .option('--provider <name>', 'makes a new batch instead, for this provider: docs/providers.md')
  .option('--name <name>', 'what to call the new batch')
  .option('--model <name>', 'the model of requests that name none')
  .option('--endpoint <path>', "the endpoint of requests that name none; the provider's first where left out")
  .option('--window <window>', "how long the provider may take; the provider's first where left out")
  .option('--submit', 'closes the batch and sends it as soon as the file is in')
  .option('--dry-run', 'checks the file and tells what it would cost; nothing is made or kept')
  .option('--idempotency-key <text>', 'a name of your own for this call, under which it is done once')
  .action(async (file, options) => (await import('./upload.ts')).upload(file, options));

program
  .command('emulate')
  .description("Runs the providers' emulators on one port, for software of your own: docs/emulators.md.")
  .option('--port <port>', 'where to listen; 0 for any that is free', port, 4010)
  .option('--host <host>', 'the address to listen on; anybody who reaches it is let in', '127.0.0.1')
  .option('--public-url <url>', 'by what others reach it, where that is another address', httpUrl)
  .option('--providers <names>', 'which ones, separated by commas; all where left out', words)
  .option('--seconds <seconds>', 'how long an emulated batch runs', seconds, 20)
  .option('--directory <path>', 'where to keep batches and files; in memory where left out')
  .option(
    '--switch <provider.name=value>',
    "puts a switch for a doubtful fact, see the provider's README; repeatable",
    collected,
    [],
  )
  .action(async (options) => (await import('./emulate.ts')).emulate(options));

program
  .command('audit')
  .description("Runs the provider contract's checks: docs/audit.md; exits with 1 where one fails.")
  .argument('<provider>', 'which one')
  .option(
    '--live',
    'ask the real service, with its key set: one job of the fewest requests, which is paid for',
  )
  .option('--only <ids>', 'which checks, separated by commas; all where left out', words)
  .option('--minutes <minutes>', 'how long to wait for a real service', minutes, 1500)
  .action(async (provider, options) => (await import('./audit.ts')).audit(provider, options));

program
  .command('check')
  .description('Asks the database whether everything that must hold does; exits with 1 where it does not.')
  .action(async () => (await import('./check.ts')).check());

const org = program.command('org').description('Organizations, the tenants of a service: docs/keys.md.');
org
  .command('create')
  .description('Makes an organization and prints its id.')
  .argument('<name>', 'what to call it; no other may be called so')
  .action(async (name) => (await import('./keys.ts')).orgCreate(name));
org
  .command('list')
  .description('Prints every organization.')
  .action(async () => (await import('./keys.ts')).orgList());
const withQuotas = (command: Command): Command =>
  command
    .option('--requests-per-batch <n>', 'how many requests a batch may have')
    .option('--bytes-per-upload <n>', 'how many bytes the requests of one call or upload may have')
    .option('--active-batches <n>', 'how many batches may be open or under way')
    .option('--waiting-requests <n>', 'how many requests may wait to be sent to one provider')
    .option('--providers <names>', 'which providers may be used, separated by commas, or all');
withQuotas(org.command('limits'))
  .description(
    'Prints what an organization may have, after setting what is given: a number, none for no limit, or plan for what its plan says: docs/limits.md.',
  )
  .argument('<name or id>', 'whose')
  .option('--plan <name>', 'the plan to put it on, or none')
  .action(async (name, options) => (await import('./limits.ts')).orgLimits(name, options));

const plan = program
  .command('plan')
  .description('Plans, sets of limits that organizations can be on: docs/limits.md.');
withQuotas(plan.command('set'))
  .description('Makes a plan, or replaces it; what is left out is as the settings say.')
  .argument('<name>', 'what to call it')
  .action(async (name, options) => (await import('./limits.ts')).planSet(name, options));
plan
  .command('list')
  .description('Prints every plan.')
  .action(async () => (await import('./limits.ts')).planList());

org
  .command('budget')
  .description(
    'Prints what an organization may spend in a month and has spent, after setting it where an amount is given: docs/cost.md.',
  )
  .argument('<name or id>', 'whose')
  .argument('[amount]', 'how many US dollars in a month, such as 250.00; none for no budget')
  .action(async (name, amount) => (await import('./budget.ts')).orgBudget(name, amount));

const key = program
  .command('key')
  .description(
    "Keys that sign in: docs/keys.md. Works on the service's database, so whoever has the host needs no key.",
  );
key
  .command('create')
  .description('Makes a key and prints it, this once.')
  .requiredOption('--org <name or id>', 'whose it is')
  .addOption(
    new Option('--scope <scope>', 'what it allows; each includes the ones before it')
      .choices(['read', 'write', 'admin'])
      .makeOptionMandatory(),
  )
  .requiredOption('--name <name>', 'what to call it')
  .option('--expires <when>', 'when it ends: 12h, 90d or 2027-01-31T00:00:00Z; never where left out')
  .action(async (options) => (await import('./keys.ts')).keyCreate(options));
key
  .command('list')
  .description('Prints keys, revoked and expired ones included; never what signs in.')
  .option('--org <name or id>', 'whose; all where left out')
  .action(async (options) => (await import('./keys.ts')).keyList(options));
key
  .command('revoke')
  .description('Takes a key back: what it has open ends within seconds.')
  .argument('<id>', 'which one, as batchql key list prints it')
  .action(async (id) => (await import('./keys.ts')).keyRevoke(id));

const credentials = program
  .command('credentials')
  .description(
    "Providers' credentials that organizations bring: docs/credentials.md. Works on the service's database, with its CREDENTIALS_KEY.",
  );
credentials
  .command('add')
  .description('Keeps a credential, read from standard input: its key, or a JSON object with its settings.')
  .requiredOption('--org <name or id>', 'whose it is')
  .requiredOption('--provider <name>', 'whom it is for: docs/providers.md')
  .requiredOption('--name <name>', 'what to call it')
  .option('--replaces <id>', 'the credential of the same account whose place it takes')
  .action(async (options) => (await import('./credentials.ts')).credentialsAdd(options));
credentials
  .command('list')
  .description('Prints credentials, revoked ones included; never what opens anything.')
  .option('--org <name or id>', 'whose; all where left out')
  .action(async (options) => (await import('./credentials.ts')).credentialsList(options));
credentials
  .command('revoke')
  .description('Takes a credential out of use: nothing new is sent with it.')
  .argument('<id>', 'which one, as batchql credentials list prints it')
  .option('--immediately', 'forget its secret at once, also where jobs run with it')
  .action(async (id, options) => (await import('./credentials.ts')).credentialsRevoke(id, options));
credentials
  .command('rotate')
  .description('Encrypts every credential anew with CREDENTIALS_KEY, beside a service that runs.')
  .action(async () => (await import('./credentials.ts')).credentialsRotate());

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof StartError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
