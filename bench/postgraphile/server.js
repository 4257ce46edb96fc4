/**
 * The limit of the page's row: PostGraphile over the tables of the database whose url is its argument, set up for
 * several tenants as its documentation says: a key is looked up for each request, and what it may see is decided by
 * Postgres' row-level security. Told `open`, it asks for no key and shows everything. JavaScript, and with packages of its
 * own, because nothing else here may see an older graphql.
 */
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import pg from 'pg';

// It looks at this as it is loaded; and tells at length of two kinds of columns that it shows to nobody.
process.env.GRAPHILE_ENV = 'production';
console.warn = () => {};
const { postgraphile } = await import('postgraphile');
const { makePgService } = await import('postgraphile/adaptors/pg');
const { grafserv } = await import('postgraphile/grafserv/node');
const { PostGraphileAmberPreset } = await import('postgraphile/presets/amber');

const [, , connectionString = '', mode = 'keys'] = process.argv;
const pool = new pg.Pool({ connectionString, max: 10 });

async function settingsOf(headers) {
  const key = /^Bearer (\S+)$/.exec(headers.authorization ?? '')?.[1] ?? '';
  const { rows } = await pool.query(
    `select organization_id from api_keys where hash = $1 and revoked_at is null and (expires_at is null or expires_at > now())`,
    [createHash('sha256').update(key).digest()],
  );
  if (rows.length === 0) throw new Error('no such key');
  return { role: 'bench_tenant', 'bench.organization_id': rows[0].organization_id };
}

const server = createServer();
const serving = postgraphile({
  extends: [PostGraphileAmberPreset],
  pgServices: [makePgService({ pool, schemas: ['public'] })],
  grafserv: { watch: false, graphiql: false },
  grafast: {
    explain: false,
    context: async ({ node }) =>
      mode === 'open' ? {} : { pgSettings: await settingsOf(node?.req.headers ?? {}) },
  },
}).createServ(grafserv);
await serving.addTo(server);
server.listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ url: `http://127.0.0.1:${server.address().port}/graphql` }));
});
