import eslint from '@eslint/js';
import prettier from 'eslint-config-prettier';
import tseslint from 'typescript-eslint';

const DEFAULT_EXPORT = {
  selector: 'ExportDefaultDeclaration',
  message: 'Use named exports: they keep one name everywhere.',
};

/** The package is built for ES modules and for CommonJS, and bundled by applications: a module does not know where it lies. */
const PLACE_OF_A_MODULE = [
  {
    selector: 'MetaProperty[meta.name="import"]',
    message: 'CommonJS has no import.meta. Text that is needed at run time is an asset: npm run assets.',
  },
  {
    selector: 'ImportExpression[source.type!="Literal"]',
    message: 'Bundlers find imports of literals only.',
  },
  {
    selector:
      ':matches(Program, ExportNamedDeclaration) > :matches(ExpressionStatement, VariableDeclaration) AwaitExpression:not(:function AwaitExpression)',
    message: 'CommonJS cannot wait while a module is loaded.',
  },
];
const NAMES_OF_COMMONJS = ['__dirname', '__filename', 'require', 'module', 'exports'].map((name) => ({
  name,
  message: 'ES modules do not have it.',
}));

/** The clock of the machine, from which everything else gets its timers: a test that moves it moves them all. */
const TIMER_FILES = ['src/core/messaging/ports/clock.ts'];
const TIMERS =
  'Use withDeadline, pause, backoffMs or a Clock: timers start in src/core/messaging/ports/clock.ts only.';
// setImmediate is none: it gives way to other work for one turn of the event loop, however long that takes.
const TIMER_NAMES = ['setTimeout', 'setInterval'].map((name) => ({ name, message: TIMERS }));
const TIMER_MODULES = ['timers', 'node:timers', 'timers/promises', 'node:timers/promises'].map((name) => ({
  name,
  allowImportNames: ['setImmediate'],
  message: TIMERS,
}));
const MODULE_LOADERS = ['node:module', 'module'].map((name) => ({
  name,
  importNames: ['createRequire'],
  message: 'It needs a place to look from. Write import() of a literal.',
}));
const RAW_LOGGER = {
  name: '@nestjs/common',
  importNames: ['Logger'],
  message: 'Its lines carry control characters from outside. Use OwnLogger.',
};
const NO_TIMEOUT_SIGNAL = { object: 'AbortSignal', property: 'timeout', message: TIMERS };

export default tseslint.config(
  {
    ignores: [
      'dist/**',
      'node_modules/**',
      'coverage/**',
      'data/**',
      'test/fixtures/**',
      '**/*.generated.ts',
    ],
  },
  eslint.configs.recommended,
  tseslint.configs.strictTypeChecked,
  prettier,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      complexity: ['error', 10],
      'max-params': ['error', 4],
      'no-console': 'error',
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'Only src/config/sources.ts reads the environment.' },
        NO_TIMEOUT_SIGNAL,
      ],
      'no-restricted-syntax': ['error', DEFAULT_EXPORT],
      // Nest modules are classes without members.
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true }],
      // `() => void expression()` in arrow shorthand is how callbacks are kept short here.
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // Numbers in messages read well and cannot go wrong.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // Nest declares its options as classes and everybody hands it literals.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      // An async method that implements a port may have nothing to wait for.
      '@typescript-eslint/require-await': 'off',
      // noPropertyAccessFromIndexSignature asks for the brackets that this rule forbids.
      '@typescript-eslint/dot-notation': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
    },
  },
  {
    files: ['test/**', 'bench/**', 'scripts/**', 'examples/**'],
    rules: { 'no-restricted-properties': 'off' },
  },
  {
    files: ['src/config/sources.ts'],
    rules: { 'no-restricted-properties': ['error', NO_TIMEOUT_SIGNAL] },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['src/main.ts', '**/*.spec.ts'],
    rules: {
      'no-restricted-syntax': ['error', DEFAULT_EXPORT, ...PLACE_OF_A_MODULE],
      'no-restricted-globals': [
        'error',
        { checkGlobalObject: true, globals: [...NAMES_OF_COMMONJS, ...TIMER_NAMES] },
      ],
      'no-restricted-imports': ['error', { paths: [...MODULE_LOADERS, ...TIMER_MODULES, RAW_LOGGER] }],
    },
  },
  {
    // Both lists stand in one rule, which a later entry replaces whole.
    files: ['src/main.ts'],
    rules: {
      'no-restricted-globals': ['error', { checkGlobalObject: true, globals: TIMER_NAMES }],
      'no-restricted-imports': ['error', { paths: TIMER_MODULES }],
    },
  },
  {
    files: TIMER_FILES,
    rules: {
      'no-restricted-globals': ['error', { checkGlobalObject: true, globals: NAMES_OF_COMMONJS }],
      'no-restricted-imports': ['error', { paths: [...MODULE_LOADERS, RAW_LOGGER] }],
    },
  },
  {
    // The cases of the conformance suite are tests that the package carries.
    files: ['test/**', '**/*.spec.ts', 'bench/**', 'src/testing/conformance/cases/**'],
    rules: {
      'no-console': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off', // parsed JSON and expect matchers are `any`
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/explicit-module-boundary-types': 'off',
      '@typescript-eslint/only-throw-error': 'off', // handlers that throw `undefined` are among the cases
      '@typescript-eslint/prefer-promise-reject-errors': 'off',
      '@typescript-eslint/no-empty-function': 'off', // handlers that do nothing
      '@typescript-eslint/no-extraneous-class': 'off', // modules made up for a test
    },
  },
  {
    // Scripts and configurations of tools are plain JavaScript: nothing is installed yet when some of them run.
    files: ['**/*.mjs', '**/*.cjs'],
    ...tseslint.configs.disableTypeChecked,
    languageOptions: {
      ...tseslint.configs.disableTypeChecked.languageOptions,
      globals: Object.fromEntries(
        [
          'clearTimeout',
          'console',
          'Buffer',
          'AbortController',
          'fetch',
          'module',
          'performance',
          'process',
          'setInterval',
          'clearInterval',
          'setTimeout',
          'URL',
          'require',
        ].map((name) => [name, 'readonly']),
      ),
    },
    rules: {
      ...tseslint.configs.disableTypeChecked.rules,
      '@typescript-eslint/explicit-module-boundary-types': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      'no-console': 'off',
      'no-restricted-properties': 'off',
      'no-restricted-syntax': 'off', // tools want a default export
      '@typescript-eslint/no-require-imports': 'off', // the only way of CommonJS
    },
  },
);
