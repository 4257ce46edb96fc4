/** The environment that every test runs in. */
import { describe, expect, it } from 'vitest';
import { eraseSettings } from './support/erase-settings.ts';

describe('A test', () => {
  it('sees no setting of a vendor, of Postgres or of our own, and all else', () => {
    const erased = {
      OPENAI_API_KEY: 'x',
      ANTHROPIC_BASE_URL: 'x',
      AWS_SECRET_ACCESS_KEY: 'x',
      aws_profile: 'x',
      GOOGLE_APPLICATION_CREDENTIALS: 'x',
      PGPASSWORD: 'x',
      DATABASE_URL: 'x',
      BATCHQL_API_KEY: 'x',
      SANDBOX: 'x',
      PORT: 'x',
    };
    const environment: Record<string, string> = { ...erased, PATH: '/bin', HOME: '/home/me', PAGER: 'less' };
    eraseSettings(environment);
    expect(environment).toEqual({ PATH: '/bin', HOME: '/home/me', PAGER: 'less' });
  });

  it('runs in an environment without them', () => {
    const before = { ...process.env };
    eraseSettings(process.env);
    expect(process.env).toEqual(before);
  });
});
