/** `batchql start`: runs the service until it is told to stop, and says where to look. */
import { startApp } from '../app.ts';
import { type ConfigFlags, readProcessConfig } from '../config.ts';
import { createLogger } from '../log.ts';
import { providers } from '../providers/registry.ts';
import { startSandboxBatches } from './sandbox-batches.ts';

/** Starts, announces itself, and stops gracefully on SIGINT and SIGTERM; a second signal stops at once. */
export async function start(flags: ConfigFlags): Promise<void> {
  const config = readProcessConfig(flags, providers);
  const log = createLogger({ level: config.log.level });
  const app = await startApp(config, log);
  log.info({ url: app.url, role: config.role, sandbox: config.sandbox }, 'BatchQL is running');
  if (config.role !== 'worker') {
    console.error(`\n  GraphiQL    ${app.url}/graphql`);
    console.error(config.sandbox ? '  Sandbox     nothing leaves this machine, nothing is paid\n' : '');
  }
  let stopping = false;
  const stop = (signal: NodeJS.Signals) => {
    if (stopping) process.exit(1);
    stopping = true;
    log.info({ signal }, 'stopping: streams complete, running work ends or is given back');
    app.close().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, 'stopping failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  if (!config.sandbox || config.role === 'worker') return;
  try {
    await startSandboxBatches(app.services);
  } catch (error) {
    // Told to stop while it made them: what they need is gone, and they are not needed any more.
    if (!stopping) throw error;
  }
}
