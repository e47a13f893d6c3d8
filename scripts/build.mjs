/** Compiles both builds into `dist`, unless they are those of the present sources. */
import { prepare } from './bootstrap.mjs';

await prepare({ build: true });
