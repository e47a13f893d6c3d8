export {
  type AdminAuthorizer,
  type AdminIdentity,
  type AdminRequest,
  type AdminRole,
  hasRole,
} from './admin-authorizer.js';
export { MessagingAdminModule, type MessagingAdminModuleOptions } from './admin.module.js';
export type { MessagingAdminOptions } from './admin.options.js';
export { type AdminApiKey, apiKeyAuthorizer } from './api-key-authorizer.js';
