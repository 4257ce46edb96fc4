/**
 * Reads every statement in `src/db/queries` for whose rows it is about. Whoever touches a table of organizations' rows
 * takes a scope first; a worker's needs no more, because the compiler lets no caller's in, and a caller's has to stand
 * in each of its statements.
 */
import { lineAt, type SourceFile } from './source.ts';

/** Statements that are not kept to what the scope may see, and functions that take none. */
export function unscopedStatements(files: readonly SourceFile[]): string[] {
  const tables = files.filter(({ path }) => path.startsWith('src/db/tables/')).flatMap(tenantTablesIn);
  return files
    .filter(({ path }) => path.startsWith('src/db/queries/'))
    .flatMap((file) =>
      declarationsIn(file).flatMap((declaration) => {
        const { name, at } = declaration;
        const place = `${file.path}:${lineAt(file.text, at)} ${name}`;
        return complaintsAbout(declaration, tables).map((complaint) => `${place} ${complaint}`);
      }),
    );
}

/** What is asked before there is a scope: who signs in, and whether there is anybody who could. */
const beforeScope = ['findKey', 'hasKey', 'hasLiveKey', 'insertKey', 'revokeKey'];

/** A table whose rows belong to organizations, by themselves or through their batch. */
interface TenantTable {
  readonly constant: string;
  readonly name: string;
}

function tenantTablesIn({ text }: SourceFile): TenantTable[] {
  const tables = [...text.matchAll(/^export const (\w+) = pgTable\(\s*'(\w+)'/gm)];
  return tables.flatMap(({ index, 1: constant = '', 2: name = '' }, at) => {
    const columns = text.slice(index, tables[at + 1]?.index);
    return /'(?:organization_id|batch_id)'/.test(columns) ? [{ constant, name }] : [];
  });
}

/** A function at the top of a file. Constants that are pieces of SQL are judged where they are used. */
interface Declaration {
  readonly name: string;
  readonly at: number;
  /** Its first parameter, with its type. */
  readonly first: string;
  readonly text: string;
  readonly code: string;
}

function declarationsIn({ text, code }: SourceFile): Declaration[] {
  const starts = [...code.matchAll(/^[a-z]/gm)].map(({ index }) => index);
  return starts.flatMap((at, index) => {
    const until = starts[index + 1] ?? text.length;
    const own = code.slice(at, until);
    const head =
      /^(?:export )?(?:async )?function (\w+)(?:<[^(]*>)?\(\s*/.exec(own) ??
      /^(?:export )?const (\w+) = (?:async )?\(\s*/.exec(own);
    if (head === null || /\): SQL(?: \| undefined)? (?:=>|\{)/.test(own)) return [];
    const first = /^(?:\{[^}]*\}|\w+)(?:: \w+)?/.exec(own.slice(head[0].length))?.[0] ?? '';
    return [{ name: head[1] ?? '', at, first, text: text.slice(at, until), code: own }];
  });
}

function complaintsAbout({ name, first, text, code }: Declaration, tables: readonly TenantTable[]): string[] {
  const touches = touchingOneOf(tables);
  if (!touches.test(text) || beforeScope.includes(name) || /: WorkerScope$/.test(first)) return [];
  if (!/: (?:Organization)?Scope$/.test(first)) return ['takes no scope'];
  const bound = boundBy(first, code);
  const starts = [...code.matchAll(/\.(?:select\w*|insert|update|delete|execute|\$count)\s*[(<]/g)];
  return starts.flatMap(({ index }, at) => {
    const until = starts[at + 1]?.index;
    const table = touches.exec(text.slice(index, until))?.slice(1).find(Boolean);
    if (table === undefined || bound.test(code.slice(index, until))) return [];
    return [`has a statement on ${table} without its scope`];
  });
}

/** How a statement names a table: in a call of drizzle's, or in SQL, by its own name or by the constant. */
function touchingOneOf(tables: readonly TenantTable[]): RegExp {
  const constants = tables.map(({ constant }) => constant).join('|');
  const names = tables.map(({ name }) => name).join('|');
  return new RegExp(
    `(?:from|insert|update|delete|\\$count|\\w+Join)\\(\\s*(${constants})\\b|` +
      `\\b(?:from|join|update|into)\\s+(?:\\$\\{(${constants})\\}|(${names})\\b)`,
  );
}

/** How a statement shows that it is kept to the scope: by the scope itself, or by a constant that was made with it. */
function boundBy(first: string, code: string): RegExp {
  const taken = /^\{([^}]*)\}/.exec(first)?.[1]?.match(/\w+/g);
  const scope = taken?.map((word) => `\\b${word}\\b`) ?? [
    '\\(\\s*scope\\s*[,)]',
    '\\bscope\\.organizationId\\b',
  ];
  const body = code.slice(code.indexOf(first) + first.length);
  const known = [...scope];
  for (const [, constant = '', value = ''] of body.matchAll(/\bconst (\w+) = ([^;]*);/g)) {
    if (new RegExp(known.join('|')).test(value)) known.push(`\\b${constant}\\b`);
  }
  return new RegExp(known.join('|'));
}
