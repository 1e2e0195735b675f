// Style is prettier's; here are the rules that keep the design: which folder of lib/ may import which, where time and
// randomness come from, how big a file may get. Errors only, no warnings.
import { basename } from 'node:path';
import { defineConfig } from 'eslint/config';
import prettier from 'eslint-config-prettier';
import { flatConfigs as importX, createNodeResolver } from 'eslint-plugin-import-x';
import { createTypeScriptImportResolver } from 'eslint-import-resolver-typescript';
import tseslint from 'typescript-eslint';

/**
 * The levels of lib/, lowest first: what each folder may import besides itself. `types` may be imported as types only.
 * `docs/architecture.md` explains the order.
 */
const LAYERS = {
  base: { imports: [] },
  config: { imports: ['base'] },
  observe: { imports: ['base'], types: ['config'] },
  codec: { imports: ['base', 'observe'], types: ['config'] },
  tiers: { imports: ['base', 'observe', 'codec', 'config'] },
  sync: { imports: ['base', 'observe', 'codec', 'config', 'tiers'] },
  recovery: { imports: ['base', 'observe', 'codec', 'config', 'tiers'] },
  clients: { imports: ['base', 'observe', 'codec', 'config', 'tiers', 'sync', 'recovery'] },
  manager: { imports: ['base', 'observe', 'codec', 'config', 'tiers', 'sync', 'recovery', 'clients'] },
  wrap: { imports: ['base', 'observe', 'clients', 'manager'], types: ['config'] },
};

const folders = Object.keys(LAYERS);

/** A rule that matches imports of any of these folders of lib/, from whatever depth. */
const forbid = (names, message, allowTypeImports = false) =>
  names.length === 0 ? [] : [{ regex: `^(\\.\\./)+(${names.join('|')})/`, message, allowTypeImports }];

const NOBODY_IMPORTS = [
  { regex: '^(\\.{1,2}/)+index\\.js$', message: 'index.ts is the public face; import the file that has what you need.' },
  { regex: '^(\\.\\./)+testing/', message: 'testing/ is for users; nothing in lib/ imports it.' },
  { regex: '^(\\.\\./)+tests/', message: 'lib/ does not know the tests.' },
];

const layerRules = folders.map((folder) => {
  const { imports, types = [] } = LAYERS[folder];
  const forbidden = folders.filter((name) => name !== folder && !imports.includes(name) && !types.includes(name));
  const message = `${folder}/ may import ${imports.length === 0 ? 'nothing of ours' : imports.map((name) => `${name}/`).join(', ')}.`;
  return {
    files: [`lib/${folder}/**/*.ts`],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            ...forbid(forbidden, message),
            ...forbid(types, `${message} Types of this one are fine.`, true),
            ...NOBODY_IMPORTS,
          ],
        },
      ],
    },
  };
});

const fileNames = {
  rules: {
    'kebab-case': {
      create: (context) => ({
        Program(node) {
          const name = basename(context.filename);
          if (!/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z]+)+$/.test(name)) {
            context.report({ node, message: `File names are kebab-case: ${name}` });
          }
        },
      }),
    },
  },
};

const restrictedProperties = (entries) => entries.map(([object, property, message]) => ({ object, property, message }));

export default defineConfig(
  { ignores: ['dist/', 'coverage/', 'schemas/validate-config.js', '.oxcache/', 'tests/package/fixtures/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },

  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': 'off',
      // winston declares its transports as interfaces beside classes; the rule takes every one of them for a fake.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      '@typescript-eslint/promise-function-async': 'off',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
    },
  },
  { files: ['**/*.{js,mjs}'], extends: [tseslint.configs.recommended] },

  {
    files: ['**/*.{ts,js,mjs}'],
    extends: [importX.typescript],
    plugins: { 'file-names': fileNames },
    settings: { 'import-x/resolver-next': [createTypeScriptImportResolver(), createNodeResolver()] },
    rules: {
      'import-x/no-cycle': 'error',
      'file-names/kebab-case': 'error',
      eqeqeq: 'error',
    },
  },

  {
    files: ['lib/**/*.ts'],
    rules: {
      'import-x/no-default-export': 'error',
      'max-lines': ['error', { max: 300 }],
      'no-console': 'error',
    },
  },
  {
    files: ['lib/**/*.ts'],
    ignores: ['lib/base/clock.ts', 'lib/base/random.ts', 'lib/manager/**'],
    rules: {
      'no-restricted-properties': [
        'error',
        ...restrictedProperties([
          ['Date', 'now', 'Time comes from a Clock.'],
          ['performance', 'now', 'Time comes from a Clock.'],
          ['performance', 'timeOrigin', 'Time comes from a Clock.'],
          ['Math', 'random', 'Randomness comes from a Random.'],
          ['process', 'env', 'The environment is passed in.'],
        ]),
      ],
      'no-restricted-syntax': [
        'error',
        { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: 'Time comes from a Clock.' },
      ],
    },
  },
  ...layerRules,

  {
    files: ['tests/**/*.ts'],
    rules: {
      '@typescript-eslint/explicit-module-boundary-types': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/only-throw-error': 'off',
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  // A type test declares values only to ask for their types.
  { files: ['tests/types/**/*.ts'], rules: { '@typescript-eslint/no-unused-vars': 'off' } },
  prettier,
);
