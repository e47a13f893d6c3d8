/**
 * Keys of the metadata that `@EventPattern` and `@MessagePattern` write. Nest exports them in a file of its own only; here they
 * are written down, because the package is optional and loaded late. A spec compares them with Nest's.
 */
export const PATTERN = 'microservices:pattern';
export const PATTERN_EXTRAS = 'microservices:pattern_extras';
export const PATTERN_HANDLER = 'microservices:handler_type';
export const TRANSPORT = 'microservices:transport';
