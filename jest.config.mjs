/**
 * Nest 12 ships ES modules and Jest on Node 20 cannot `require` those, so the transform compiles our sources and
 * the ESM-only packages below to CommonJS.
 */
const esmPackages = [
  '@nestjs',
  '@swc',
  'uuid',
  'iterare',
  'file-type',
  'strtok3',
  'token-types',
  '@tokenizer',
  'uint8array-extras',
  '@borewit',
  'load-esm',
];

export default {
  rootDir: '.',
  testEnvironment: 'node',
  roots: ['<rootDir>/src', '<rootDir>/test'],
  testMatch: ['**/*.spec.ts'],
  // Seeded faults want to fail; scripts/seed-faults.mjs runs them. Fixtures are applications of their own.
  testPathIgnorePatterns: ['/node_modules/', '/seeded-faults/', '/test/fixtures/'],
  moduleFileExtensions: ['ts', 'js', 'mjs', 'json', 'node'],
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    '^switchyard$': '<rootDir>/src/index.ts',
    '^switchyard/(.*)$': '<rootDir>/src/exports/$1.ts',
  },
  transformIgnorePatterns: [`/node_modules/(?!(${esmPackages.join('|')})(/|$))`],
  transform: {
    '^.+\\.(t|m?j)s$': [
      '@swc/jest',
      {
        jsc: {
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
          target: 'es2022',
          keepClassNames: true,
        },
        module: { type: 'commonjs' },
      },
    ],
  },
  setupFiles: ['reflect-metadata'],
  // Timeouts follow the speed of the machine; 30 s is that of a test without one.
  setupFilesAfterEnv: ['<rootDir>/test/support/machine-deadlines.ts'],
};
