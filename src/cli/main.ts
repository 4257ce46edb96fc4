/** The command line: which commands there are, and how a failure to start is told. Every command has its own
 * file, read only when it is asked for. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { StartError } from '../errors.ts';

const port = (text: string): number => {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 0 && number <= 65_535) return number;
  throw new InvalidArgumentError('It must be a whole number from 0 to 65535.');
};

const program = new Command('batchql').description(
  "One live GraphQL API in front of every provider's batch API. Settings come from the environment: docs/config.md.",
);

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
  .addOption(
    new Option('--provider <name>', 'whom to ask').choices(['openai', 'anthropic']).default('openai'),
  )
  .option('--live', 'ask the real provider; needs its key, and costs what it costs')
  .option('--model <name>', "the model to ask; a small one of the provider's where left out")
  .action(async (options) => (await import('./demo.ts')).demo(options));

program
  .command('check')
  .description('Asks the database whether everything that must hold does; exits with 1 where it does not.')
  .action(async () => (await import('./check.ts')).check());

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof StartError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
