/**
 * Bundles an application that uses the package, the way docs/using/stability.md describes it.
 *
 *   node scripts/bundle-app.mjs esbuild-esm | esbuild-cjs | webpack-esm | webpack-cjs  entry  output
 */
import * as path from 'node:path';

import { build } from 'esbuild';
import webpack from 'webpack';

/** Packages that Nest and the package load only when an application uses them, besides those of the application. */
const OPTIONAL = [
  '@nestjs/microservices',
  '@nestjs/websockets',
  '@nestjs/platform-express',
  'class-transformer',
  'class-validator',
  'kafkajs-lz4',
  'kafkajs-snappy',
  '@kafkajs/zstd',
  'lmdb',
];
/** Clients that are bundled. */
const isExternal = (name) => OPTIONAL.some((each) => name === each || name.startsWith(`${each}/`));

const [tool, entry, output] = process.argv.slice(2);
const [bundler, format] = tool.split('-');
/** How webpack writes that a package is loaded when the bundle runs. */
const EXTERNAL = format === 'esm' ? 'node-commonjs' : 'commonjs';
if (bundler === 'webpack') await withWebpack();
else await withEsbuild();

async function withEsbuild() {
  const banner = `import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);`;
  await build({
    entryPoints: [entry],
    outfile: output,
    bundle: true,
    platform: 'node',
    format,
    external: OPTIONAL,
    keepNames: true,
    logLevel: 'error',
    ...(format === 'esm' && { banner: { js: banner } }),
  });
}

function withWebpack() {
  return new Promise((resolve, reject) => {
    const configuration = {
      mode: 'none',
      target: 'node',
      entry,
      output: {
        path: path.dirname(output),
        filename: path.basename(output),
        ...(format === 'esm' && { module: true, chunkFormat: 'module' }),
      },
      ...(format === 'esm' && { experiments: { outputModule: true } }),
      externals: [
        ({ request }, callback) =>
          isExternal(request) ? callback(null, `${EXTERNAL} ${request}`) : callback(),
      ],
    };
    webpack(configuration, (error, stats) => {
      if (error) reject(error);
      else if (stats.hasErrors()) reject(new Error(stats.toString({ all: false, errors: true })));
      else resolve();
    });
  });
}
