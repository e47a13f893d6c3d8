import 'reflect-metadata';
import { createApp, type Step } from './app.js';

const app = await createApp({
  consume: (process.env['CONSUME'] ?? 'both') as Step['consume'],
  publish: (process.env['PUBLISH'] ?? 'nest') as Step['publish'],
});
app.enableShutdownHooks();
await app.listen(process.env['PORT'] ?? 3000);
