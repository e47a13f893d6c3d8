export * from '../core/messaging/admin/index.js';
