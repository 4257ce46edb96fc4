/** Walks a connection page by page, as clients do, and holds each page to what Relay's specification says of it. */
import { expect } from 'vitest';

/** The arguments of a page. */
export interface PageVariables {
  readonly first?: number;
  readonly after?: string;
  readonly last?: number;
  readonly before?: string;
}

/** A page as `pageSelection` selects it. */
export interface Page {
  readonly totalCount: number;
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string | null;
    readonly endCursor: string | null;
  };
  readonly edges: readonly { readonly cursor: string; readonly node: Readonly<Record<string, unknown>> }[];
}

/** Asks for one page. */
export type FetchPage = (page: PageVariables) => Promise<Page>;

/** What a connection is asked for; `node` is the selection on its nodes. */
export const pageSelection = (node: string): string =>
  `totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { cursor node { ${node} } }`;

/** Fails unless pages of every size, forwards and backwards, joined are the whole list. */
export async function expectPagesOfEverySize(fetchPage: FetchPage, whole: readonly unknown[]): Promise<void> {
  for (let size = 1; size <= whole.length + 1; size += 1) await expectPages(fetchPage, whole, size);
}

/** Fails unless pages of this size, forwards and backwards, joined are the whole list. */
export async function expectPages(
  fetchPage: FetchPage,
  whole: readonly unknown[],
  size: number,
): Promise<void> {
  expect(await walkForwards(fetchPage, size, whole.length)).toEqual(whole);
  expect(await walkBackwards(fetchPage, size, whole.length)).toEqual(whole);
}

async function walkForwards(fetchPage: FetchPage, size: number, total: number): Promise<unknown[]> {
  const nodes: unknown[] = [];
  let after: string | undefined;
  do {
    const page = await fetchPage({ first: size, ...(after === undefined ? {} : { after }) });
    const shown = Math.min(size, total - nodes.length);
    expectPage(page, { shown, total, previous: nodes.length > 0, next: nodes.length + shown < total });
    nodes.push(...page.edges.map(({ node }) => node));
    after = page.pageInfo.hasNextPage ? (page.pageInfo.endCursor ?? undefined) : undefined;
  } while (after !== undefined);
  return nodes;
}

async function walkBackwards(fetchPage: FetchPage, size: number, total: number): Promise<unknown[]> {
  const nodes: unknown[] = [];
  let before: string | undefined;
  do {
    const page = await fetchPage({ last: size, ...(before === undefined ? {} : { before }) });
    const shown = Math.min(size, total - nodes.length);
    expectPage(page, { shown, total, previous: nodes.length + shown < total, next: nodes.length > 0 });
    nodes.unshift(...page.edges.map(({ node }) => node));
    before = page.pageInfo.hasPreviousPage ? (page.pageInfo.startCursor ?? undefined) : undefined;
  } while (before !== undefined);
  return nodes;
}

function expectPage(
  { edges, pageInfo, totalCount }: Page,
  expected: { shown: number; total: number; previous: boolean; next: boolean },
): void {
  expect(edges).toHaveLength(expected.shown);
  expect(totalCount).toBe(expected.total);
  expect(pageInfo).toEqual({
    hasNextPage: expected.next,
    hasPreviousPage: expected.previous,
    startCursor: edges[0]?.cursor ?? null,
    endCursor: edges.at(-1)?.cursor ?? null,
  });
}
