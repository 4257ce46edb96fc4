/** `docs/callback.schema.json`: what a callback URL is told, as a JSON Schema for those who receive it. */
import { z } from 'zod';
import { callbackBodySchema } from '../domain/callback-body.ts';

/** The file's text. What is not in it may be added one day, so that it forbids no further members. */
export function callbackSchema(): string {
  const schema = z.toJSONSchema(callbackBodySchema, {
    override({ jsonSchema }) {
      if (jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
      // The format says the same for people.
      if (jsonSchema.format !== undefined) delete jsonSchema.pattern;
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
    },
  });
  return `${JSON.stringify({ title: 'BatchQL callback', ...schema }, null, 2)}\n`;
}
