/**
 * `batchql audit <provider>`: runs the provider contract's checks and tells how each came out. Against the provider's
 * emulator, or, with `--live` and its key set, against the real service: then one job of the fewest requests is sent,
 * paid for and waited for, and only the checks run that need no faults.
 */
import { setTimeout } from 'node:timers/promises';
import { SingleBar } from 'cli-progress';
import { systemClock } from '../clock.ts';
import { readProcessConfig } from '../config.ts';
import { StartError } from '../errors.ts';
import { type AuditFinding, auditProvider, auditService, checks } from '../providers/audit.ts';
import { ProviderFailure } from '../providers/failure.ts';
import type { Provider } from '../providers/provider.ts';
import { providers } from '../providers/registry.ts';
import { newNonce } from '../services.ts';

/** What the command line says. */
export interface AuditOptions {
  readonly live?: boolean;
  /** Ids of the checks to run; all where absent. */
  readonly only?: readonly string[];
  /** How long to wait for a real service, in minutes. */
  readonly minutes: number;
}

/** Runs the audit and prints a line for each check. Throws `StartError` where it cannot run, or a MUST does not hold. */
export async function audit(name: string, { live = false, only, minutes }: AuditOptions): Promise<void> {
  const config = readProcessConfig({ live }, providers, { LOG_LEVEL: 'silent' });
  const known = [...providers, ...config.compatibleProviders];
  const provider = known.find((one) => one.name === name);
  if (provider === undefined) {
    throw new StartError(
      `There is no provider ${name}; known are ${known.map((one) => one.name).join(', ')}.`,
    );
  }
  refuseUnknown(only);
  const findings = live
    ? (await auditLive(provider, config.providers[name] ?? null, minutes)).filter(
        ({ id }) => only === undefined || only.includes(id),
      )
    : await auditEmulated(provider, only);
  for (const { id, level, verdict, title, reason } of findings) {
    console.log(
      `${mark[verdict]} ${id} ${level.padEnd(6)} ${title}${reason === null ? '' : `\n  ${reason}`}`,
    );
  }
  const count = (verdict: AuditFinding['verdict']) =>
    findings.filter((finding) => finding.verdict === verdict).length;
  console.log(
    `\n${count('pass')} hold, ${count('notice')} do not arise or only should, ${count('fail')} fail.`,
  );
  if (!live && config.providers[name] !== null && config.providers[name] !== undefined) {
    console.log(
      `${provider.settings.apiKey} is set: --live asks the real service, with a small job that it bills.`,
    );
  }
  if (count('fail') > 0) throw new StartError(`${provider.title} does not fulfil the contract.`);
}

const mark = { pass: '✓', notice: '·', fail: '✗' } as const satisfies Record<AuditFinding['verdict'], string>;

function refuseUnknown(only: readonly string[] = []): void {
  const unknown = only.filter((id) => !checks.some((check) => check.id === id));
  if (unknown.length > 0) throw new StartError(`There is no check ${unknown.join(', ')}.`);
}

async function auditEmulated(provider: Provider, only: readonly string[] | undefined) {
  const ids = only ?? checks.map(({ id }) => id);
  console.log(`${provider.title}, by its emulator: ${ids.length} checks.`);
  const bar = new SingleBar({
    format: '{bar} {value}/{total} | {id}',
    clearOnComplete: true,
    stream: process.stderr,
  });
  bar.start(ids.length, 0, { id: '' });
  const findings: AuditFinding[] = [];
  for (const id of ids) {
    bar.update(findings.length, { id });
    findings.push(...(await auditProvider(provider, { only: [id] })).findings);
  }
  bar.stop();
  return findings;
}

async function auditLive(
  provider: Provider,
  connection: Parameters<typeof auditService>[0]['connection'] | null,
  minutes: number,
) {
  if (connection === null) throw new StartError(`${provider.settings.apiKey} must be set for --live.`);
  const requests = Math.max(2, provider.limits.requestsMin);
  console.log(
    `${provider.title}, for real: one job of ${requests} requests, waited for up to ${minutes} minutes.`,
  );
  const giveUpAt = systemClock.now().getTime() + minutes * 60_000;
  try {
    const { findings } = await auditService({
      provider,
      connection,
      clock: systemClock,
      nonce: newNonce(),
      async wait(seconds) {
        if (systemClock.now().getTime() > giveUpAt) {
          throw new StartError(`The job has not ended within ${minutes} minutes.`);
        }
        await setTimeout(seconds * 1000);
      },
      onReport: ({ providerStatus, counts }) =>
        console.log(`  ${providerStatus}: ${counts.succeeded ?? '?'} of ${requests} succeeded`),
    });
    return findings;
  } catch (error) {
    if (!(error instanceof ProviderFailure)) throw error;
    throw new StartError(`The service could not be audited: ${error.message} (${error.code}).`);
  }
}
