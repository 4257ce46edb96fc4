/**
 * The parts of `docs/` that are made from the code, so that they cannot lie: each has a name, and stands in a page
 * between `<!-- generated: NAME -->` and `<!-- end -->`.
 */
import { type GraphQLEnumType, isEnumType } from 'graphql';
import { configTable } from '../config/config-table.ts';
import { callbackPausesSeconds } from '../domain/callback-schedule.ts';
import { jobEdges } from '../domain/job.ts';
import { queryLimits } from '../domain/query-limits.ts';
import { jobStatuses } from '../domain/status.ts';
import { metrics } from '../metrics/definitions.ts';
import { providers } from '../providers/registry.ts';
import { schema } from '../schema/index.ts';
import { catalog, lanes } from '../worker/catalog.ts';
import { providerSections } from './docs-providers.ts';
import { code, table } from './docs-table.ts';

/** Every generated section by name. */
export const sections: Readonly<Record<string, () => string>> = {
  settings: () => configTable(providers),
  'batch states': () => enumTable('BatchStatus', 'Batch is', 'when'),
  'job states': () => enumTable('JobStatus', 'Job is', 'when'),
  'job moves': () =>
    table(
      ['From', 'to'],
      jobStatuses.map((from) => [code(from), jobEdges[from].map(code).join(' ') || 'nothing; it is final']),
    ),
  'item states': () => enumTable('ItemStatus', 'Item is', 'when'),
  'event kinds': () => enumTable('BatchEventKind', 'Kind', 'what happened'),
  'callback attempts': () =>
    table(
      ['Attempt', 'so long after the one before'],
      [0, ...callbackPausesSeconds].map((seconds, index) => [
        String(index + 1),
        index === 0 ? 'at once' : durationOf(seconds),
      ]),
    ),
  'callback states': () => enumTable('CallbackStatus', 'Callback is', 'when'),
  'query limits': () =>
    table(
      ['Limit', 'default', 'the most', 'refused as'],
      Object.values(queryLimits).map(({ setting, usual, counts, code: refusedAs }) => [
        code(setting),
        usual.toLocaleString('en'),
        counts,
        code(refusedAs),
      ]),
    ),
  metrics: () =>
    table(
      ['Figure', 'by', 'of', 'means', 'worry when'],
      Object.values(metrics).map(({ name, labels, of, meaning, worry }) => [
        code(name),
        labels.map(code).join(', '),
        of,
        meaning,
        worry,
      ]),
    ),
  'error codes': () => enumTable('ErrorCode', 'Code', 'meaning'),
  tasks: () =>
    table(
      ['Task', 'what it does', 'lane (concurrency)'],
      Object.entries(catalog).map(([name, { title, lane }]) => [
        code(name),
        title,
        `${lane} (${lanes[lane]})`,
      ]),
    ),
  ...providerSections,
};

/** A page with every generated section as the code has it now. Throws for a section that does not exist. */
export function regenerated(page: string): string {
  return page.replaceAll(
    /(<!-- generated: ([a-z ]+) -->\n)[\s\S]*?(<!-- end -->)/g,
    (_all, opening: string, name: string, closing: string) => {
      const section = sections[name];
      if (section === undefined) throw new Error(`There is no generated section "${name}".`);
      return `${opening}\n${section()}\n\n${closing}`;
    },
  );
}

function enumTable(name: string, ...head: readonly string[]): string {
  const type = schema.getType(name);
  if (!isEnumType(type)) throw new Error(`The schema has no enum ${name}.`);
  return table(head, valuesOf(type));
}

const durationOf = (seconds: number): string =>
  seconds < 60
    ? `${seconds} seconds`
    : seconds < 3600
      ? `${seconds / 60} minutes`
      : `${seconds / 3600} hours`;

const valuesOf = (type: GraphQLEnumType): string[][] =>
  type.getValues().map((value) => [code(value.name), value.description ?? '']);
