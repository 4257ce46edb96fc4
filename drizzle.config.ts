import { defineConfig } from 'drizzle-kit';

/** Where `npm run migration` reads the tables and writes migrations. It needs no database. */
export default defineConfig({ dialect: 'postgresql', schema: './src/db/tables/*.ts', out: './drizzle' });
