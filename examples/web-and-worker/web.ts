import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { WebModule } from './web.module.js';

const app = await NestFactory.create(WebModule);
app.enableShutdownHooks();
await app.listen(process.env['PORT'] ?? 3000);
