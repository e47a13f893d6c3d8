import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { WorkerModule } from './worker.module.js';

// Without a server; it stays alive while it consumes.
const app = await NestFactory.createApplicationContext(WorkerModule);
app.enableShutdownHooks();
