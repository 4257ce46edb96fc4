/**
 * Reads TypeScript just well enough to judge it: tells code from comments, texts and regular expressions, and
 * lists what a file imports, types included. It works on texts alone, so that a rule can be shown to fail on a
 * source that exists nowhere. (TypeScript 7 has no API for this, and dependency-cruiser sees nothing under it.)
 */
import { posix } from 'node:path';

/** Sources by path from the root of the project on, with slashes. */
export type Sources = Readonly<Record<string, string>>;

/** One file, read. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
  /** The text with all comments and the insides of texts and regular expressions as blanks; same length and lines. */
  readonly code: string;
  readonly comments: readonly Comment[];
  readonly imports: readonly Import[];
}

/** A comment, its delimiters included. */
export interface Comment {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** One mention of another module: static, for its types, dynamic, exported again or resolved. */
export interface Import {
  readonly specifier: string;
  /** The path of the file meant; null for a package. */
  readonly path: string | null;
}

/** Every file of `sources`, in the order of their paths. */
export const readSources = (sources: Sources): SourceFile[] =>
  Object.keys(sources)
    .sort()
    .map((path) => readSource(path, sources[path] ?? ''));

/** The number of the line that `offset` lies in, from 1 on. */
export const lineAt = (text: string, offset: number): number => text.slice(0, offset).split('\n').length;

function readSource(path: string, text: string): SourceFile {
  const { code, comments } = separate(text);
  const imports = importPatterns.flatMap((pattern) =>
    [...code.matchAll(pattern)].map((match) => {
      const start = match.index + match[0].length;
      const specifier = text.slice(start, code.indexOf(match[0].slice(-1), start));
      return {
        specifier,
        path: specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : null,
      };
    }),
  );
  return { path, text, code, comments, imports };
}

const importPatterns = [
  /(?<![\w$.])from\s*['"]/g,
  /(?<![\w$.])import\s*(?:\(\s*)?['"`]/g,
  /(?<![\w$.])(?:import\.meta\.resolve|require|require\.resolve)\s*\(\s*['"`]/g,
];

/** Walks through the text once. Inside a template, code begins again at `${`. */
function separate(text: string): { code: string; comments: Comment[] } {
  const comments: Comment[] = [];
  const openBraces: number[] = [];
  let code = '';
  let at = 0;
  const keep = (count: number) => {
    code += text.slice(at, at + count);
    at += count;
  };
  const blank = (end: number) => {
    code += text.slice(at, end).replace(/[^\n]/g, ' ');
    at = Math.max(at, end);
  };
  /** From inside a template: blanks up to its end, or to the code that it embeds. */
  const template = () => {
    const end = endOf(text, at, '`', '${');
    blank(end);
    if (text.startsWith('${', at)) {
      openBraces.push(0);
      keep(2);
    } else keep(1);
  };
  while (at < text.length) {
    const character = text.charAt(at);
    const next = text.charAt(at + 1);
    if (character === '/' && (next === '/' || next === '*')) {
      const stop = next === '/' ? text.indexOf('\n', at) : text.indexOf('*/', at + 2) + 2;
      const end = stop < at + 2 ? text.length : stop;
      comments.push({ start: at, end, text: text.slice(at, end) });
      blank(end);
    } else if (character === "'" || character === '"') {
      keep(1);
      blank(endOf(text, at, character, '\n'));
      keep(1);
    } else if (character === '`') {
      keep(1);
      template();
    } else if (character === '/' && regexMayStandAfter(code)) {
      keep(1);
      blank(endOfRegex(text, at));
      keep(1);
    } else {
      const depth = openBraces.at(-1);
      if (character === '}' && depth === 0) {
        openBraces.pop();
        keep(1);
        template();
        continue;
      }
      if (depth !== undefined && character === '{') openBraces[openBraces.length - 1] = depth + 1;
      if (depth !== undefined && character === '}') openBraces[openBraces.length - 1] = depth - 1;
      keep(1);
    }
  }
  return { code, comments };
}

/** Where one of the ends stands next, backslashes considered; the end of the text where none does. */
function endOf(text: string, from: number, ...ends: string[]): number {
  for (let at = from; at < text.length; at++) {
    if (text.charAt(at) === '\\') at++;
    else if (ends.some((end) => text.startsWith(end, at))) return at;
  }
  return text.length;
}

function endOfRegex(text: string, from: number): number {
  let inClass = false;
  for (let at = from; at < text.length; at++) {
    const character = text.charAt(at);
    if (character === '\\') at++;
    else if (character === '[') inClass = true;
    else if (character === ']') inClass = false;
    else if (character === '\n' || (character === '/' && !inClass)) return at;
  }
  return text.length;
}

/** A slash divides after a value, and begins a regular expression after anything else. */
function regexMayStandAfter(code: string): boolean {
  const before = code.slice(-200).trimEnd();
  const word = /[\w$]+$/.exec(before)?.[0];
  if (word !== undefined)
    return /^(?:return|typeof|case|in|of|await|yield|throw|else|new|delete|void)$/.test(word);
  return !/[)\]}'"`]$/.test(before);
}
