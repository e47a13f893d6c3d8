export * from '../infrastructure/services/admin/index.js';
