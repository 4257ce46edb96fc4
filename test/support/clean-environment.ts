/**
 * Runs before every test file: takes the settings of the machine out of the environment, so that no test can
 * reach a real provider, spend money, or depend on who runs it. Processes that tests start inherit the rest.
 */
import { eraseSettings } from './erase-settings.ts';

eraseSettings(process.env);
