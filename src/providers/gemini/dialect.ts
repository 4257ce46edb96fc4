/**
 * How a request for a batch job is recognised and checked before anything is stored. Only what is certain to fail
 * is refused here; everything else about a body is the vendor's to judge, request by request.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../../domain/json-line.ts';
import type { Dialect } from '../provider.ts';

/**
 * Recognises `{key, request}`; a line with further members is of another form. A request may name its model, which
 * then counts as the line's; a job has one model for all.
 */
export const dialect: Dialect = {
  form: '{key, request}',
  read(line) {
    const { key, request, ...rest } = line.value;
    const text = line.text('request');
    if (text === null || !isJsonObject(request) || Object.keys(rest).length > 0) return null;
    if (key === undefined) return null;
    const named = typeof key === 'string';
    return {
      customId: named ? key : null,
      endpoint: null,
      model: modelOf(request),
      body: text,
      problems: named ? [] : ['key must be a string'],
    };
  },
  inspect({ endpoint, body }) {
    const rules = endpoint === 'embedContent' ? [hasContent] : [hasContents];
    return {
      model: modelOf(body),
      agentId: null,
      problems: rules.filter((rule) => !rule.holds(body)).map((rule) => rule.problem),
    };
  },
};

/** The model that a request names, without `models/`, which is the same name; null where it names none. */
const modelOf = ({ model }: JsonObject): string | null =>
  typeof model === 'string' && model !== '' ? model.replace(/^models\//, '') : null;

/** A sentence, and whether it need not be said. */
interface Rule {
  readonly problem: string;
  holds(body: JsonObject): boolean;
}

/** Where the vendor wants a list it takes a single thing of it, too. */
const hasContents: Rule = {
  problem: 'body.contents must be a list of contents that is not empty',
  holds: ({ contents }) => (Array.isArray(contents) ? contents.length > 0 : isContent(contents)),
};

const hasContent: Rule = {
  problem: 'body.content must be a content, such as {"parts":[{"text":"…"}]}',
  holds: ({ content }) => isContent(content),
};

const isContent = (value: JsonValue | undefined): boolean =>
  isJsonObject(value) && Object.keys(value).length > 0;
