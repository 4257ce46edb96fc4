/** What streaming costs in memory: how far a service grows beyond what it holds at rest, for few lines and for many. */
import type { Bench, BenchService } from '../bench.ts';
import type { Fact } from '../row.ts';

/** How many lines are few and many; of much more than a service may hold, so that what piles up shows. */
export const sizes = ({ full }: Pick<Bench, 'full'>) => ({ few: 10_000, many: full ? 1_000_000 : 150_000 });

/** What growth may come to, and how much more it may be for many lines than for few, in megabytes. */
const limits = { growth: 150, more: 50 };

/** Streams both sizes, each through a service that has done nothing before, and tells how far each grew. */
export async function growth(
  bench: Bench,
  databaseUrl: string,
  stream: (service: BenchService, lines: number) => Promise<unknown>,
): Promise<Fact[]> {
  const grown = async (lines: number) => {
    bench.say(`memory, ${lines.toLocaleString('en-GB')} lines`);
    const service = await bench.service({ databaseUrl, args: ['--role', 'api'] });
    await service.query('{ __typename }');
    const rest = await service.residentBytesAtRest();
    await stream(service, lines);
    const most = await service.residentBytesMax();
    await service.stop();
    return { rest, growth: (most - rest) / 1e6 };
  };
  const { few, many } = sizes(bench);
  const [small, large] = [await grown(few), await grown(many)];
  return [
    { what: 'resident memory of a service at rest', value: large.rest / 1e6, unit: 'MB' },
    { what: `its growth over ${few} lines`, value: small.growth, unit: 'MB', most: limits.growth },
    { what: `its growth over ${many} lines`, value: large.growth, unit: 'MB', most: limits.growth },
    {
      what: 'more for the many than for the few',
      value: large.growth - small.growth,
      unit: 'MB',
      most: limits.more,
    },
  ];
}
