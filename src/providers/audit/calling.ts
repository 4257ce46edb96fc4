/** The clauses about a provider's calls to us: genuine ones are read, and nothing else is believed. */
import type { Webhook, WebhookCall, WebhookReading } from '../provider.ts';
import type { Bench } from './bench.ts';
import type { Check } from './check.ts';
import { demand, skip } from './demands.ts';
import { openReceiver } from './receiver.ts';

/** Checks BQ-W…. */
export const calling: readonly Check[] = [
  {
    id: 'BQ-W01',
    level: 'MUST',
    title: 'A call about a job that ended is an event that names the job, the same each time it is read.',
    source: 'contract: Webhook.read',
    async run(bench) {
      const { webhook, secret, call, providerJobId } = await calledAbout(bench);
      const reading = webhook.read(call, secret);
      demand(reading.kind === 'event', `it is ${reading.kind}`);
      demand(reading.providerJobId === providerJobId, 'it names another job');
      const again = webhook.read(call, secret);
      demand(again.kind === 'event' && again.id === reading.id, 'read again it has another id');
    },
  },
  {
    id: 'BQ-W02',
    level: 'MUST',
    title:
      'A call that is not signed, or with another secret, is refused; so is a changed one, where the signature covers it.',
    source: 'facts 2, 6 and 7: signatures',
    async run(bench) {
      const { webhook, secret, call } = await signedCall(bench);
      const body = call.body.replace(/[a-z0-9](?="[^"]*$)/, (last) => (last === 'x' ? 'y' : 'x'));
      demand(body !== call.body, 'nothing could be changed');
      const isTaken = read(webhook, { ...call, body }, secret).kind !== 'refused';
      demand(!isTaken || !webhook.coversBody, 'a changed call was taken');
      const other = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
      demand(read(webhook, call, other).kind === 'refused', 'the signature of another was taken');
      const bare = { ...call, headers: { get: () => null } };
      demand(read(webhook, bare, secret).kind === 'refused', 'an unsigned call was taken');
    },
  },
  {
    id: 'BQ-W03',
    level: 'MUST',
    title: 'A call that is older than five minutes, or from further than that in the future, is refused.',
    source: 'Standard Webhooks: timestamps; facts 6',
    async run(bench) {
      const { webhook, secret, call } = await signedCall(bench);
      for (const seconds of [-301, 301]) {
        const now = new Date(call.now.getTime() + seconds * 1000);
        demand(read(webhook, { ...call, now }, secret).kind === 'refused', `one ${seconds} s away was taken`);
      }
      const near = new Date(call.now.getTime() + 240_000);
      demand(
        read(webhook, { ...call, now: near }, secret).kind === 'event',
        'one four minutes old was refused',
      );
    },
  },
  {
    id: 'BQ-W04',
    level: 'MUST',
    title:
      'No call makes the reader throw: what is not a call of the provider is refused or ignored, and not quoted.',
    source: 'contract: WebhookReading',
    async run(bench) {
      const { webhook, secret, call } = await calledAbout(bench);
      const bodies = [
        '',
        '{',
        'null',
        '[]',
        '7',
        '"x"',
        '{}',
        '{"id":"stranger"}',
        '\u0000',
        call.body.slice(0, -1),
      ];
      for (const body of bodies) {
        const reading = read(webhook, { ...call, body }, secret);
        demand(reading.kind !== 'event', `this is taken for a call: ${body}`);
        demand(
          reading.reason !== '' && !reading.reason.includes('stranger'),
          'the reason is missing or quotes',
        );
      }
      if (webhook.secret === null) return;
      for (const wrong of ['', 'whsec_', 'no base64 at all \u00e9', '{']) read(webhook, call, wrong);
    },
  },
];

/** A call that the emulator really made, about a job that ended. */
interface Called {
  readonly webhook: Webhook;
  readonly secret: string | null;
  readonly call: WebhookCall;
  readonly providerJobId: string;
}

const calledAbout = async (bench: Bench): Promise<Called> => {
  const { webhook } = bench.provider;
  if (webhook === null) skip('this provider calls nobody');
  const receiver = await openReceiver();
  try {
    if (webhook.registration === 'ACCOUNT') await bench.emulator.callAt?.(receiver.url);
    const draft = bench.draft(bench.few(2));
    const job = await bench.submit(draft, { changes: { callbackUrl: receiver.url } });
    await bench.finish(job);
    await bench.emulator.deliver?.();
    const [call, more] = receiver.calls;
    demand(call !== undefined && more === undefined, `it called ${receiver.calls.length} times`);
    const secret = (webhook.secret === null ? undefined : bench.emulator.more?.[webhook.secret]) ?? null;
    return { webhook, secret, call: { ...call, now: bench.clock.now() }, providerJobId: job.providerJobId };
  } finally {
    await receiver.close();
  }
};

const signedCall = async (bench: Bench): Promise<Called> => {
  if (bench.provider.webhook?.secret === null) skip('this provider signs nothing');
  return calledAbout(bench);
};

const read = (webhook: Webhook, call: WebhookCall, secret: string | null): WebhookReading => {
  try {
    return webhook.read(call, secret);
  } catch {
    demand(false, 'a call makes the reader throw');
  }
};
