export * from './core/messaging/index.js';
