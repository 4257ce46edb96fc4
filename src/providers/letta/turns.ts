/**
 * A job's messages, gathered by agent in the order of each agent's first message.
 *
 * Owned here: how much is held. The texts of all messages are, up to a limit; beyond it the agents that messages still
 * come for lose theirs and are to be read again, one by one. What is held of an agent besides is a few words.
 */
import { isJsonObject } from '../../domain/json-line.ts';
import { noTurn, type Turn, withMessage } from './turn.ts';
import type { WireMessage } from './wire.ts';

/** One agent's messages. */
export interface GatheredTurn {
  /** Null for messages that name no agent. */
  readonly agentId: string | null;
  readonly turn: Turn;
  /** Their verbatim texts, in order; null where they are not held. */
  readonly texts: readonly string[] | null;
}

/** Gathers; holds texts of at most `heldCharactersMax` characters. */
export class Turns {
  readonly #heldCharactersMax: number;
  readonly #turns = new Map<string | null, { agentId: string | null; turn: Turn; texts: string[] | null }>();
  #heldCharacters = 0;

  constructor(heldCharactersMax: number) {
    this.#heldCharactersMax = heldCharactersMax;
  }

  /** Takes the next messages. */
  add(messages: readonly WireMessage[]): void {
    for (const message of messages) this.#take(message);
  }

  /** All turns, in the order of their first messages. */
  all(): IterableIterator<GatheredTurn> {
    return this.#turns.values();
  }

  #take({ value, text }: WireMessage): void {
    const { agent_id: named = null } = isJsonObject(value) ? value : {};
    const agentId = typeof named === 'string' ? named : null;
    const gathered = this.#turns.get(agentId) ?? { agentId, turn: noTurn, texts: [] };
    this.#turns.set(agentId, gathered);
    gathered.turn = withMessage(gathered.turn, value);
    if (gathered.texts === null) return;
    if (this.#heldCharacters + text.length > this.#heldCharactersMax) {
      for (const held of gathered.texts) this.#heldCharacters -= held.length;
      gathered.texts = null;
    } else {
      gathered.texts.push(text);
      this.#heldCharacters += text.length;
    }
  }
}
