import { bench } from './command.ts';
import { rows } from './rows.ts';

process.exitCode = await bench(process.argv.slice(2), rows);
