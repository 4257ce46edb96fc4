/** What room a provider has, by what is known of it and by the settings. */
import type { RoomLimit } from '../domain/queue-room.ts';
import type { Provider } from '../providers/provider.ts';
import type { Services } from '../services.ts';

/** The room that the provider has, as far as it is known or set; what nobody knows is no limit. */
export const roomLimits = (
  { settings }: Pick<Services, 'settings'>,
  { limits }: Provider,
): readonly RoomLimit[] =>
  limits.queue.flatMap(({ unit, per, setting, max }) => {
    const most = settings.queues[setting] ?? (max === null ? null : { '*': max });
    return most === null ? [] : [{ unit, per, most }];
  });
