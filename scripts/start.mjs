import { prepare } from './bootstrap.mjs';
import { endWithNpm } from './end-with-npm.mjs';

await prepare({ build: true });
endWithNpm();
// In this process, so that signals and kills reach the application, and the exit code is its own.
await import('../dist/esm/main.js');
