/**
 * A real browser: headless Chromium, and pages that note where their requests go and what goes wrong in them. It
 * calls nobody by itself, so that every request is one of the page's.
 */
import { type Browser, chromium, type Page } from 'playwright-core';
import { inject } from 'vitest';

/** Whether this machine has no browser; a reason to skip. */
export const noBrowser = inject('chromium') === null;

/** A page, and what it did. */
export interface WatchedPage {
  readonly page: Page;
  /** The origins of everything that it asked for, sockets included, once each. */
  readonly origins: Set<string>;
  /** Uncaught errors, and errors in the console. */
  readonly faults: string[];
}

/** Starts the browser with an empty profile. */
export const startBrowser = (): Promise<Browser> =>
  chromium.launch({
    executablePath: inject('chromium') ?? '',
    args: [
      // Chromium has no sandbox for root, and sees nothing here but our own pages.
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
    ],
  });

/** A page of a visitor who was never here. */
export async function openPage(browser: Browser, size = { width: 1440, height: 900 }): Promise<WatchedPage> {
  const page = await browser.newPage({ viewport: size });
  const origins = new Set<string>();
  const faults: string[] = [];
  // What a style sheet or script carries with it is asked of nobody.
  const note = (url: string) => /^(?:data|blob):/.test(url) || origins.add(new URL(url).origin);
  page.on('request', (request) => note(request.url()));
  page.on('websocket', (socket) => note(socket.url()));
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(message.text());
  });
  return { page, origins, faults };
}
