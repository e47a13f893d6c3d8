import { ConsoleLogger } from '@nestjs/common';

/** Log contexts of Nest that report every module and route at the start. */
const CHATTER = new Set([
  'InstanceLoader',
  'NestApplication',
  'NestFactory',
  'RouterExplorer',
  'RoutesResolver',
]);

/** Hides Nest's start-up lines, so that the welcome text fits on one screen. Warnings and errors are shown. */
export class QuietLogger extends ConsoleLogger {
  override log(message: unknown, ...rest: unknown[]): void {
    const context = rest.at(-1);
    if (typeof context === 'string' && CHATTER.has(context)) return;
    super.log(message, ...(rest as [string]));
  }
}
