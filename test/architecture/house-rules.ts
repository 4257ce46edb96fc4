/**
 * The house style as far as a program can see it: size, names, headers, doc blocks, and the few doors through
 * which time and the environment enter. Each function lists what breaks its rule, one sentence for each place.
 */
import { posix } from 'node:path';
import { type Comment, lineAt, type SourceFile } from './source.ts';

const linesMax = 300;
const medianMax = 100;

/** Files of more than 300 lines whose header does not say why. */
export function unexplainedLength(files: readonly SourceFile[]): string[] {
  return inSrc(files).flatMap((file) => {
    const lines = linesOf(file);
    const explained =
      headerOf(file)
        ?.text.replace(/[\s*]+/g, ' ')
        .includes('is long because') ?? false;
    return lines <= linesMax || explained ? [] : [`${file.path} has ${lines} lines and does not say why`];
  });
}

/** The median length, where it is not below 100 lines. */
export function longMedian(files: readonly SourceFile[]): string[] {
  const lengths = inSrc(files)
    .map(linesOf)
    .sort((a, b) => a - b);
  const median = lengths[Math.floor(lengths.length / 2)] ?? 0;
  return median < medianMax ? [] : [`the median file in src has ${median} lines`];
}

/** Files named after nothing. */
export function emptyNames(files: readonly SourceFile[]): string[] {
  return files.flatMap(({ path }) =>
    /^(?:utils?|helpers?|types?|misc|interfaces?|common)$/.test(posix.basename(path).replace(/\..*$/, ''))
      ? [`${path} is named after nothing`]
      : [],
  );
}

/** Every `index.ts` that does more than import, export and assemble one constant. */
export function logicInIndexes(files: readonly SourceFile[]): string[] {
  return files.flatMap(({ path, code }) => {
    if (posix.basename(path) !== 'index.ts') return [];
    const constants = code.match(/^(?:export )?const /gm)?.length ?? 0;
    const hasLogic = /=>|\b(?:function|class|if|for|while|switch|try|let|var|await)\b/.test(code);
    return constants > 1 || hasLogic ? [`${path} has logic in it`] : [];
  });
}

/** Exports without a doc block directly above them. Names that are passed on are documented where they are made. */
export function undocumentedExports(files: readonly SourceFile[]): string[] {
  return inSrc(files).flatMap((file) => {
    let before = '';
    return [...file.code.matchAll(/^export (?!\*|(?:type )?\{)(.*)$/gm)].flatMap((match) => {
      const overloaded = /^(?:async )?function (\w+)/.exec(match[1] ?? '')?.[1] ?? '';
      const isOverload = overloaded !== '' && overloaded === before;
      before = overloaded;
      if (isOverload || isDocumented(file, match.index)) return [];
      return [`${placeIn(file, match.index)} exports without a doc block: ${match[1]?.trim()}`];
    });
  });
}

/** Files with behaviour that do not begin with a comment. What only declares types (GraphQL's, too) or tables may do without. */
export function missingHeaders(files: readonly SourceFile[]): string[] {
  return inSrc(files).flatMap((file) => {
    const declares = /^(?:export )?(?:default )?(?:(?:async )?function|class|abstract class|let) /m.test(
      file.code,
    );
    const constants = [...file.code.matchAll(/^(?:export )?const [^=]*=\s*(\w*)/gm)];
    const hasBehaviour =
      declares || constants.some(([, maker]) => !/^(?:pgTable|customType|builder)$/.test(maker ?? ''));
    return hasBehaviour && headerOf(file) === null ? [`${file.path} has behaviour and no header`] : [];
  });
}

/** Ways around the compiler, and notes to do something later. */
export function shortcuts(files: readonly SourceFile[]): string[] {
  return inSrc(files).flatMap((file) => [
    ...found(file, file.code, /\bas\s+any\b|\bas\s+unknown\s+as\b/g),
    ...found(file, file.text, /@ts-(?:ignore|expect-error|nocheck)\b|\b(?:TODO|FIXME)\b/g),
  ]);
}

/** Tests that are left out, or that leave out all others. */
export const switchedOffTests = (files: readonly SourceFile[]): string[] =>
  files
    .filter(({ path }) => path.startsWith('test/'))
    .flatMap((file) => found(file, file.code, /\.(?:skip|only|todo)\s*[(.]/g));

/** Readers of the environment outside of the configuration and the executable. */
export function environmentReaders(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    if (!file.path.startsWith('src/') || /^src\/config(?:\.ts$|\/)/.test(file.path)) return [];
    const imported = file.imports.filter(({ specifier }) => /^(?:node:)?process$/.test(specifier));
    return [
      ...found(file, file.code, /\bprocess\s*(?:\.\s*env\b|\[)/g),
      ...imported.map(({ specifier }) => `${file.path} imports ${specifier}`),
    ];
  });
}

/** Readers of the wall clock outside of the one door. */
export const wallClocks = (files: readonly SourceFile[]): string[] =>
  inSrc(files)
    .filter(({ path }) => path !== 'src/clock.ts')
    .flatMap((file) => found(file, file.code, /\bDate\s*\.\s*now\b|\bnew\s+Date\b(?!\s*\(\s*[^\s)])/g));

/** SQL in resolvers, tagged or as a text. */
export function sqlInResolvers(files: readonly SourceFile[]): string[] {
  const statement =
    /['"`]\s*(?:select\s|insert\s+into\s|update\s+\w+\s+set\s|delete\s+from\s|with\s+\w+\s+as\s)/gi;
  return files
    .filter(({ path }) => path.startsWith('src/resolvers/'))
    .flatMap((file) => [...found(file, file.code, /\bsql\s*[`<.(]/g), ...found(file, file.text, statement)]);
}

/** Imports of what is only known when the program runs, which no rule can judge. */
export const unreadableImports = (files: readonly SourceFile[]): string[] =>
  inSrc(files).flatMap((file) => found(file, file.code, /(?<![\w$.])import\s*\(\s*(?:[^\s'"`]|`[^`]*\$\{)/g));

const inSrc = (files: readonly SourceFile[]): SourceFile[] =>
  files.filter(({ path }) => path.startsWith('src/') && !path.endsWith('.test.ts'));

const linesOf = ({ text }: SourceFile): number => text.trimEnd().split('\n').length;

const headerOf = ({ comments, text }: SourceFile): Comment | null => {
  const [first] = comments;
  return first !== undefined && text.slice(0, first.start).replace(/^#!.*/, '').trim() === '' ? first : null;
};

const isDocumented = ({ comments, text }: SourceFile, at: number): boolean =>
  comments.some(
    (comment) =>
      comment.text.startsWith('/**') && comment.end <= at && /^[ \t]*\n?$/.test(text.slice(comment.end, at)),
  );

const placeIn = (file: SourceFile, offset: number): string => `${file.path}:${lineAt(file.text, offset)}`;

const found = (file: SourceFile, where: string, pattern: RegExp): string[] =>
  [...where.matchAll(pattern)].map(
    (match) => `${placeIn(file, match.index)} has ${match[0].replace(/\s+/g, ' ').trim()}`,
  );
