/**
 * Parsed documents, so that one that is asked again and again is read once. Holds little: a caller who sends another
 * document each time, or large ones, must not fill the memory with what nobody asks for again.
 */
import type { DocumentNode } from 'graphql';

/** How many characters all documents together may have; a parsed one takes about a hundred bytes for each. */
const charactersMax = 500_000;
/** The longest document that is kept. */
const documentCharactersMax = 20_000;

/** A cache of parsed documents by their text. The one that was not asked for the longest leaves first. */
export function createDocumentCache() {
  const documents = new Map<string, DocumentNode>();
  let characters = 0;
  return {
    get(text: string): DocumentNode | undefined {
      const document = documents.get(text);
      if (document === undefined) return undefined;
      documents.delete(text);
      documents.set(text, document);
      return document;
    },
    set(text: string, document: DocumentNode): void {
      if (text.length > documentCharactersMax || documents.has(text)) return;
      documents.set(text, document);
      characters += text.length;
      for (const [oldest] of documents) {
        if (characters <= charactersMax) return;
        documents.delete(oldest);
        characters -= oldest.length;
      }
    },
  };
}
