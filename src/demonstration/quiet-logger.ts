import { ConsoleLogger } from '@nestjs/common';

/** What Nest says about every module and route while it starts. */
const CHATTER = new Set([
  'InstanceLoader',
  'NestApplication',
  'NestFactory',
  'RouterExplorer',
  'RoutesResolver',
]);

/** Leaves out Nest's start-up lines, so that what matters fits on one screen. Warnings and errors are never left out. */
export class QuietLogger extends ConsoleLogger {
  override log(message: unknown, ...rest: unknown[]): void {
    const context = rest.at(-1);
    if (typeof context === 'string' && CHATTER.has(context)) return;
    super.log(message, ...(rest as [string]));
  }
}
