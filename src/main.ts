import 'reflect-metadata';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { NestFactory } from '@nestjs/core';
import { type AppConfig, loadAppConfig } from './app.config.js';
import { AppModule } from './app.module.js';
import { MessagingError } from './index.js';
import { type AdminKey, demonstrationKey, openDataDirectory } from './demonstration/admin-key.js';
import { QuietLogger } from './demonstration/quiet-logger.js';
import { welcomeText } from './demonstration/welcome.js';

/** Runs the demonstration until a signal stops it. */
async function main(): Promise<void> {
  const config = await loadAppConfig();
  const wantsKey = config.admin.enabled && config.admin.apiKeys.length === 0 && !config.production;
  openDataDirectory(config.dataDir);
  const own = wantsKey ? demonstrationKey(config.dataDir) : undefined;
  const app = await NestFactory.create(AppModule.forRoot(withKey(config, own?.sha256)), {
    abortOnError: false,
    logger: new QuietLogger(),
  });
  // Otherwise Nest sends the process the same signal again after the shutdown, which would count as the second
  // signal below.
  app.enableShutdownHooks(undefined, { useProcessExit: true });
  endAtSecondSignal();
  await app.listen(config.http.port, config.http.host).catch(async (error: unknown) => {
    await app.close();
    throw error;
  });
  const server = app.getHttpServer() as Server;
  const { port, address, family } = server.address() as AddressInfo;
  process.stdout.write(
    welcomeText({
      url: `http://${reachable(address, family)}:${port}`,
      dataDir: config.dataDir,
      transports: Object.entries(config.transports).map(
        ([name, options]) => `${name} (${typeof options === 'function' ? 'own' : options.kind})`,
      ),
      adminKey: own && shown(own),
    }),
  );
}

/** An address of this machine, where the application listens on all of them. */
function reachable(address: string, family: string): string {
  if (address === '0.0.0.0' || address === '::') return '127.0.0.1';
  return family === 'IPv6' ? `[${address}]` : address;
}

/** The key itself on a terminal only: any other output is kept, as the log of a container is. */
function shown({ key, file }: AdminKey): string | { readonly file: string } {
  return process.stdout.isTTY ? key : { file };
}

const ALL_ROLES = ['viewer', 'operator', 'admin', 'payload:read'] as const;

function withKey(config: AppConfig, sha256: string | undefined): AppConfig {
  if (sha256 === undefined) return config;
  return {
    ...config,
    admin: { ...config.admin, apiKeys: [{ name: 'demonstration', sha256, roles: ALL_ROLES }] },
  };
}

/** The first signal drains; a second one ends the process at once. */
function endAtSecondSignal(): void {
  let signals = 0;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (++signals > 1) process.exit(1);
    });
  }
}

function explain(error: unknown): string {
  if (error instanceof MessagingError) return error.message;
  return explainListening(error) ?? (error instanceof Error ? (error.stack ?? error.message) : String(error));
}

/** Why the server does not listen, if that is what went wrong. */
function explainListening(error: unknown): string | undefined {
  const { code, port, address } = error as NodeJS.ErrnoException & { port?: number; address?: string };
  if (code === 'EADDRINUSE') {
    return `Port ${port ?? ''} is in use. Stop the process that listens there, or choose another port: PORT=3001 npm start`;
  }
  if (code === 'EACCES' && port !== undefined)
    return `Port ${port} needs privileges. Choose another: PORT=3001 npm start`;
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return `This machine has no address ${address ?? ''} to listen on. Correct http.host.`;
  return undefined;
}

main().catch((error: unknown) => {
  process.stderr.write(`\n${explain(error)}\n`);
  process.exit(1);
});
