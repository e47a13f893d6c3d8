import { prepare } from './bootstrap.mjs';
import { endWithNpm } from './end-with-npm.mjs';

await prepare({ build: true });
endWithNpm();
// In this process, so that signals, the exit code and a kill reach the application itself.
await import('../dist/main.js');
