export {
  type AdminAuthorizer,
  type AdminAuthorizerOption,
  type AdminIdentity,
  type AdminRequest,
  type AdminRole,
  hasRole,
  type RequestAuthorizer,
} from './admin-authorizer.js';
export {
  type MessagingAdminAsyncOptions,
  MessagingAdminModule,
  type MessagingAdminModuleOptions,
} from './admin.module.js';
export type { MessagingAdminOptions } from './admin.options.js';
export { type AdminApiKey, apiKeyAuthorizer } from './api-key-authorizer.js';
export type { ComputedOptions } from './host-decorators.js';
