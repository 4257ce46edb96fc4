/**
 * Where no callback goes: every way to write or to reach an address that is not a public one, refused when the URL is
 * saved where its text shows it, and in any case when the call is made. A server on this machine sees that nobody comes.
 */
import { type AddressInfo, createServer } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openCallbackCaller } from '../../src/callbacks/caller.ts';
import type { Resolve } from '../../src/callbacks/destination.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';

/** Sees every connection that is made to this machine. */
const canary = createServer((socket) => {
  visitors += 1;
  socket.destroy();
});
let visitors = 0;
let port: number;
beforeAll(async () => {
  await new Promise<void>((resolve) => canary.listen(0, resolve));
  port = (canary.address() as AddressInfo).port;
});
afterEach(() => expect(visitors).toBe(0));
afterAll(() => new Promise((resolve) => canary.close(resolve)));

/** Hosts as somebody might write them, each with the address that it means. */
const hosts: readonly (readonly [host: string, address: string])[] = [
  // This machine.
  ['127.0.0.1', '127.0.0.1'],
  ['127.1', '127.0.0.1'],
  ['127.0.0.1.', '127.0.0.1'],
  ['127.255.255.254', '127.255.255.254'],
  ['2130706433', '127.0.0.1'],
  ['0x7f000001', '127.0.0.1'],
  ['0x7f.0.0.1', '127.0.0.1'],
  ['0X7F.1', '127.0.0.1'],
  ['0177.0.0.1', '127.0.0.1'],
  ['017700000001', '127.0.0.1'],
  ['0000177.0.0x0.1', '127.0.0.1'],
  ['%31%32%37.0.0.1', '127.0.0.1'],
  ['１２７.０.０.１', '127.0.0.1'],
  ['127。0。0。1', '127.0.0.1'],
  ['①②⑦.⓪.⓪.①', '127.0.0.1'],
  ['0', '0.0.0.0'],
  ['0.0.0.0', '0.0.0.0'],
  ['0.1.2.3', '0.1.2.3'],
  ['[::1]', '::1'],
  ['[0:0:0:0:0:0:0:1]', '::1'],
  ['[::]', '::'],
  // Private networks.
  ['10.0.0.1', '10.0.0.1'],
  ['10.255.255.255', '10.255.255.255'],
  ['167772161', '10.0.0.1'],
  ['172.16.0.1', '172.16.0.1'],
  ['172.31.255.255', '172.31.255.255'],
  ['192.168.0.1', '192.168.0.1'],
  ['0300.0250.1.1', '192.168.1.1'],
  ['[fc00::1]', 'fc00::1'],
  ['[fdff:ffff::1]', 'fdff:ffff::1'],
  ['[fec0::1]', 'fec0::1'],
  // The link, and the metadata of clouds.
  ['169.254.0.1', '169.254.0.1'],
  ['169.254.169.254', '169.254.169.254'],
  ['2852039166', '169.254.169.254'],
  ['0xa9fea9fe', '169.254.169.254'],
  ['0251.0376.0251.0376', '169.254.169.254'],
  ['[fe80::1]', 'fe80::1'],
  ['[febf::1]', 'febf::1'],
  ['[fd00:ec2::254]', 'fd00:ec2::254'],
  ['100.100.100.200', '100.100.100.200'],
  ['192.0.0.192', '192.0.0.192'],
  ['168.63.129.16', '168.63.129.16'],
  // Shared by a carrier's customers.
  ['100.64.0.1', '100.64.0.1'],
  ['100.127.255.254', '100.127.255.254'],
  // For many, and for nobody.
  ['224.0.0.1', '224.0.0.1'],
  ['239.255.255.255', '239.255.255.255'],
  ['[ff02::1]', 'ff02::1'],
  ['255.255.255.255', '255.255.255.255'],
  ['240.0.0.1', '240.0.0.1'],
  ['192.0.2.1', '192.0.2.1'],
  ['198.51.100.1', '198.51.100.1'],
  ['203.0.113.1', '203.0.113.1'],
  ['198.18.0.1', '198.18.0.1'],
  ['192.88.99.1', '192.88.99.1'],
  ['192.175.48.1', '192.175.48.1'],
  ['[100::1]', '100::1'],
  ['[2001:db8::1]', '2001:db8::1'],
  ['[3fff::1]', '3fff::1'],
  ['[2001:2::1]', '2001:2::1'],
  ['[2001:10::1]', '2001:10::1'],
  ['[4000::1]', '4000::1'],
  ['[5f00::1]', '5f00::1'],
  // An address inside of another.
  ['[::ffff:127.0.0.1]', '::ffff:7f00:1'],
  ['[::ffff:7f00:1]', '::ffff:7f00:1'],
  ['[::ffff:169.254.169.254]', '::ffff:a9fe:a9fe'],
  ['[::ffff:8.8.8.8]', '::ffff:808:808'],
  ['[::127.0.0.1]', '::7f00:1'],
  ['[::ffff:0:127.0.0.1]', '::ffff:0:7f00:1'],
  ['[64:ff9b::127.0.0.1]', '64:ff9b::7f00:1'],
  ['[64:ff9b::a9fe:a9fe]', '64:ff9b::a9fe:a9fe'],
  ['[64:ff9b:1::10.0.0.1]', '64:ff9b:1::a00:1'],
  ['[2002:7f00:1::]', '2002:7f00:1::'],
  ['[2002:a9fe:a9fe::1]', '2002:a9fe:a9fe::1'],
  ['[2001:0:4136:e378:8000:63bf:3fff:fdd2]', '2001:0:4136:e378:8000:63bf:3fff:fdd2'],
];

/** What a name server might say beside a single address of those above. */
const answers: readonly (readonly [title: string, addresses: readonly string[]])[] = [
  ...[...new Set(hosts.map(([, address]) => address))].map((address) => [address, [address]] as const),
  ['one that is public and one that is not', ['93.184.216.34', '10.0.0.5']],
  ['one that is not public and one that is', ['10.0.0.5', '93.184.216.34']],
  ['two families, of which one leads home', ['93.184.216.34', '::1']],
  ['an address with its link', ['fe80::1%eth0']],
  ['a public address with a link', ['2606:4700::1111%eth0']],
  ['something that is no address', ['localhost']],
  ['nothing', []],
];

/** Texts that are refused for what they are, wherever they lead. */
const texts: readonly (readonly [text: string, refusal: RegExp])[] = [
  ['https://user@example.com/', /no user/],
  ['https://user:password@example.com/', /no user/],
  ['https://example.com@127.0.0.1/', /no user/],
  ['https://127.0.0.1@example.com/', /no user/],
  ['https://example.com:443@10.0.0.1/', /no user/],
  ['https://example.com#@10.0.0.1/', /no fragment/],
  ['https://127.0.0.1\\@example.com/', /public address/],
  ['https://127.0.0.1?@example.com/', /public address/],
  ['https:127.0.0.1', /public address/],
  ['https://\t127.0.0.1/', /public address/],
  ['https://localhost/', /public address/],
  ['https://LOCALHOST/', /public address/],
  ['https://localhost./', /public address/],
  ['https://app.localhost/', /public address/],
  ['http://example.com/', /begin with https/],
  ['http://93.184.216.34/', /begin with https/],
  ['ftp://example.com/', /absolute URL/],
  ['ws://example.com/', /absolute URL/],
  ['gopher://example.com/', /absolute URL/],
  ['file:///etc/passwd', /absolute URL/],
  ['data:text/plain,hello', /absolute URL/],
  ['javascript:alert(1)', /absolute URL/],
  ['unix:/var/run/docker.sock', /absolute URL/],
  ['//example.com/hook', /absolute URL/],
  ['/hook', /absolute URL/],
  ['example.com', /absolute URL/],
  ['https://', /absolute URL/],
  ['https://[::1', /absolute URL/],
  ['https://[fe80::1%25eth0]/', /absolute URL/],
  ['https://256.256.256.256/', /absolute URL/],
  ['https://exa mple.com/', /absolute URL/],
  ['', /absolute URL/],
  [`https://example.com/${'x'.repeat(2048)}`, /2048 characters/],
];

const never = new AbortController().signal;
const caller = (allow: readonly string[], resolve: Resolve = async () => []) =>
  openCallbackCaller({ allow, seconds: 5, resolve });
const call = (url: string) => ({ url, headers: {}, body: '{}' });
const forbidden = {
  statusCode: null,
  error: 'Its host has an address that must not be called.',
  retryAfter: null,
};

it('The matrix of addresses has so many forms, and every host means the address that it says', () => {
  console.log(
    `callbacks: ${hosts.length} hosts, ${answers.length} name server answers, ${texts.length} texts tried`,
  );
  for (const [host, address] of hosts) {
    expect(new URL(`https://${host}/`).hostname.replace(/^\[|\]$/g, ''), host).toBe(address);
  }
  expect(hosts.length + answers.length + texts.length).toBeGreaterThan(150);
});

describe('A host that is no public address', () => {
  it.each(hosts)('%s is refused when it is saved, and when it is called', async (host) => {
    for (const scheme of ['https', 'http']) {
      const url = `${scheme}://${host}:${port}/`;
      expect(caller([]).refusal(url)).toMatch(scheme === 'https' ? /public address/ : /begin with https/);
      expect(await caller([]).post(call(url), never)).toEqual(forbidden);
    }
  });
});

describe('A name', () => {
  it.each(answers)(
    'that leads to %s is refused when it is called, and nobody is',
    async (_title, addresses) => {
      const asked: string[] = [];
      const resolving = caller([], async (host) => {
        asked.push(host);
        return addresses;
      });
      const url = `https://hooks.example.com:${port}/`;
      expect(resolving.refusal(url)).toBeNull();
      expect(await resolving.post(call(url), never)).toEqual(forbidden);
      expect(asked).toEqual(['hooks.example.com']);
    },
  );

  it('that leads to a public address is not called over http', async () => {
    const resolving = caller([], async () => ['93.184.216.34']);
    expect(await resolving.post(call(`http://hooks.example.com:${port}/`), never)).toEqual(forbidden);
  });

  it('that leads nowhere says so', async () => {
    const resolving = caller([], () =>
      Promise.reject(Object.assign(new Error('queryA hooks.example.com'), { code: 'ENOTFOUND' })),
    );
    expect(await resolving.post(call('https://hooks.example.com/'), never)).toMatchObject({
      error: 'Its host name leads nowhere (ENOTFOUND).',
    });
  });
});

describe('A text', () => {
  it.each(texts)('"%.60s" is refused when it is saved', (text, refusal) => {
    expect(caller([]).refusal(text)).toMatch(refusal);
  });

  it.each([
    'https://example.com',
    'https://hooks.example.com:8443/path?token=1',
    'https://93.184.216.34/',
    'https://[2606:4700::1111]/',
    'https://bücher.example/',
  ])('"%s" is taken', (text) => {
    expect(caller([]).refusal(text)).toBeNull();
  });
});

describe('What the operator allows', () => {
  let receiver: Receiver;
  beforeAll(async () => {
    receiver = await startReceiver();
  });
  afterAll(() => receiver.close());
  const answered = { statusCode: 204, error: null, retryAfter: null };
  const at = (host: string) => `http://${host}:${new URL(receiver.url).port}/`;
  const home: Resolve = async () => ['127.0.0.1'];

  it.each<[title: string, allow: string[], url: () => string]>([
    ['a network, for an address in it', ['127.0.0.0/8'], () => at('127.0.0.1')],
    ['an address alone', ['127.0.0.1'], () => at('127.0.0.1')],
    [
      'a network, for the same address in other digits',
      ['10.0.0.0/8', '127.0.0.0/8'],
      () => at('2130706433'),
    ],
    ['a network, for a name that leads into it', ['127.0.0.0/8'], () => at('hooks.internal')],
    ['a name, wherever it leads', ['hooks.internal'], () => at('hooks.internal')],
    ['a name in capitals', ['HOOKS.internal'], () => at('hooks.INTERNAL')],
    ['localhost by its name', ['localhost'], () => at('localhost')],
  ])('opens %s: it is taken, and called over http', async (_title, allow, url) => {
    expect(caller(allow, home).refusal(url())).toBeNull();
    expect(await caller(allow, home).post(call(url()), never)).toEqual(answered);
  });

  it('opens a name with a port for this port alone', async () => {
    const own = new URL(receiver.url).port;
    const allow = [`hooks.internal:${own}`];
    expect(await caller(allow, home).post(call(at('hooks.internal')), never)).toEqual(answered);
    expect(await caller(allow, home).post(call(`http://hooks.internal:${port}/`), never)).toEqual(forbidden);
    expect(caller(allow, home).refusal(`https://127.0.0.1:${own}/`)).toMatch(/public address/);
  });

  it.each<[title: string, allow: string[], host: string]>([
    ['a network for an address beside it', ['10.0.0.0/8'], '127.0.0.1'],
    ['an IPv4 network for the same inside of IPv6', ['127.0.0.0/8'], '[::ffff:127.0.0.1]'],
    ['a name for another below it', ['internal'], 'hooks.internal'],
    ['a name for another that ends like it', ['hooks.internal'], 'webhooks.internal'],
    ['a name for its address', ['localhost'], '127.0.0.1'],
  ])('does not open %s', async (_title, allow, host) => {
    expect(await caller(allow, home).post(call(`http://${host}:${port}/`), never)).toEqual(forbidden);
  });

  it('is held to for every address that a name has', async () => {
    const both = caller(['127.0.0.0/8'], async () => ['127.0.0.1', '10.0.0.1']);
    expect(await both.post(call(at('hooks.internal')), never)).toEqual(forbidden);
  });
});

describe('A name server that changes its mind', () => {
  let receiver: Receiver;
  beforeAll(async () => {
    receiver = await startReceiver();
  });
  afterAll(() => receiver.close());

  it('is asked once for each call: what was judged is what is called, and what came later is judged anew', async () => {
    const said = [['127.0.0.1'], ['169.254.169.254'], ['127.0.0.1']];
    let asked = 0;
    const changing = caller(['127.0.0.1'], async () => said[asked++] ?? []);
    // No other name server knows this name, so that nobody else can have been asked.
    const url = receiver.url.replace('127.0.0.1', 'rebind.invalid');
    expect(await changing.post(call(url), never)).toMatchObject({ statusCode: 204 });
    expect(asked).toBe(1);
    expect(await changing.post(call(url), never)).toEqual(forbidden);
    expect(asked).toBe(2);
    expect(await changing.post(call(url), never)).toMatchObject({ statusCode: 204 });
    expect(receiver.calls.map(({ headers }) => headers.host)).toEqual(
      Array(2).fill(`rebind.invalid:${new URL(receiver.url).port}`),
    );
  });
});

describe('A redirect', () => {
  it.each([301, 302, 303, 307, 308])('with %i to this machine is not followed', async (status) => {
    const receiver = await startReceiver();
    const location = `http://127.0.0.1:${port}/`;
    receiver.answer((response) => response.writeHead(status, { location }).end());
    const outcome = await caller(['127.0.0.1']).post(call(receiver.url), never);
    expect(outcome).toEqual({ statusCode: status, error: 'A redirect is not followed.', retryAfter: null });
    await receiver.close();
  });
});
