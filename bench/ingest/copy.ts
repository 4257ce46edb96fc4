/**
 * The limit of the ingest row: a client that copies rows into `results` and does nothing else. Its arguments are the
 * database that has them and one that has the same tables. Told a batch's id by a line on its standard input, it reads
 * that batch's results into memory, copies them into the other database and prints how long that took, as a line of JSON.
 */
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import copyStreams from 'pg-copy-streams';

const [, , fromUrl = '', toUrl = ''] = process.argv;
const from = new pg.Client({ connectionString: fromUrl });
const to = new pg.Client({ connectionString: toUrl });
await Promise.all([from.connect(), to.connect()]);
console.log(JSON.stringify({ ready: true }));

for await (const batch of createInterface(process.stdin)) {
  const wanted = `copy (select * from results where batch_id = '${batch}') to stdout`;
  const rows = await buffer(from.query(copyStreams.to(wanted)));
  const pieces = Array.from({ length: Math.ceil(rows.length / pieceBytes()) }, (_, at) =>
    rows.subarray(at * pieceBytes(), (at + 1) * pieceBytes()),
  );
  const began = performance.now();
  await pipeline(Readable.from(pieces), to.query(copyStreams.from('copy results from stdin')));
  console.log(JSON.stringify({ seconds: (performance.now() - began) / 1000, bytes: rows.length }));
}

/** As much as is handed to a socket at once. */
function pieceBytes(): number {
  return 1 << 18;
}
