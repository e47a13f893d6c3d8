import { execFileSync, spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { freePorts } from './brokers/server-process.js';
import { eventually } from './demonstration.js';
import { linkPackage, unpackPackage } from './packed-package.js';

/** A block of the page: the file that its first line names, and what is to be typed into it. */
export interface PageBlock {
  /** The heading above it. */
  readonly heading: string;
  readonly file: string;
  readonly code: string;
}

/** The blocks of docs/using/getting-started.md that name a file, in the order of the page. */
export function pageBlocks(): readonly PageBlock[] {
  const page = fs.readFileSync('docs/using/getting-started.md', 'utf8');
  return page.split(/^##+ /m).flatMap((section) => {
    const heading = section.split('\n')[0] ?? '';
    return [...section.matchAll(/^```(?:ts|yaml)\n(?:\/\/|#) (\S+)\n([\s\S]*?)^```$/gm)].map(
      ([, file = '', code = '']) => ({ heading, file, code }),
    );
  });
}

const SETTINGS = {
  compilerOptions: {
    target: 'ES2023',
    module: 'nodenext',
    moduleResolution: 'nodenext',
    outDir: 'dist',
    rootDir: 'src',
    strict: true,
    incremental: true,
    skipLibCheck: true,
    experimentalDecorators: true,
    emitDecoratorMetadata: true,
    types: ['node'],
  },
  include: ['src'],
};

const PACKAGES = [
  '@nestjs/common',
  '@nestjs/core',
  '@nestjs/config',
  '@nestjs/platform-express',
  '@types/node',
  ...['amqplib', 'ioredis', 'kafkajs', 'lmdb', 'reflect-metadata', 'rxjs', 'yaml', 'zod'],
];

/** An application as the starter of Nest 12 makes it, with the packed package. Needs a build. */
export class StarterApplication {
  constructor(readonly directory: string) {
    fs.mkdirSync(path.join(directory, 'src'), { recursive: true });
    this.write('package.json', JSON.stringify({ name: 'starter', version: '0.0.1', type: 'module' }));
    this.write('tsconfig.json', JSON.stringify(SETTINGS));
    unpackPackage(directory);
    for (const name of PACKAGES) linkPackage(directory, name);
  }

  write(file: string, text: string): void {
    const full = path.join(this.directory, file);
    fs.mkdirSync(path.dirname(full), { recursive: true });
    fs.writeFileSync(full, text);
  }

  /** @throws with what the compiler prints. */
  build(): void {
    const compiler = path.resolve('node_modules/typescript/bin/tsc');
    try {
      execFileSync(process.execPath, [compiler, '-p', '.'], { cwd: this.directory, stdio: 'pipe' });
    } catch (error) {
      throw new Error(String((error as { readonly stdout: unknown }).stdout), { cause: error });
    }
  }

  /** Starts it on a free port, places an order, and ends it once its handler has logged it. Returns its output. */
  async placeOrder(env: Record<string, string> = {}): Promise<string> {
    const [port = 0] = await freePorts(1);
    const child = spawn(process.execPath, ['dist/main.js'], {
      cwd: this.directory,
      env: { ...process.env, NO_COLOR: '1', PORT: String(port), ...env },
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    const prints = (text: string): Promise<true> =>
      eventually(() => {
        if (child.exitCode !== null) throw new Error(`The application ended:\n${output}`);
        return output.includes(text) || undefined;
      });
    try {
      await prints('successfully started');
      const response = await fetch(`http://127.0.0.1:${port}/orders/o-1`, { method: 'POST' });
      if (!response.ok) throw new Error(`HTTP ${response.status}:\n${output}`);
      await prints('charged 42 for o-1');
      return output;
    } finally {
      child.kill('SIGTERM');
      await exited;
    }
  }
}
