// Asks ESLint, with the project's configuration, about code that breaks a rule and about every file of lib/. Prints JSON. A
// process of its own: ESLint does not run in jest's sandbox. Types are left out, so that files need not exist.
import { readdirSync } from 'node:fs';
import { ESLint } from 'eslint';
import tseslint from 'typescript-eslint';

const eslint = new ESLint({
  ignore: false,
  overrideConfig: [
    { files: ['**/*.ts'], ...tseslint.configs.disableTypeChecked },
    { files: ['**/*.ts'], languageOptions: { parserOptions: { projectService: false } } },
  ],
});

const snippets = JSON.parse(process.argv[2]);
const violations = [];
for (const { filePath, code } of snippets) {
  const [result] = await eslint.lintText(code, { filePath });
  violations.push(result.messages.map((message) => message.ruleId ?? message.message));
}

const cycle = (await eslint.lintFiles('tests/package/fixtures/cycle')).map(({ messages }) =>
  messages.map(({ ruleId }) => ruleId),
);

const real = new ESLint();
const files = [];
for (const entry of readdirSync('lib', { recursive: true, withFileTypes: true })) {
  if (!entry.isFile()) continue;
  const file = `${entry.parentPath}/${entry.name}`;
  const config = (await real.isPathIgnored(file)) ? undefined : await real.calculateConfigForFile(file);
  const severities = Object.values(config?.rules ?? {}).map(([severity]) => severity);
  files.push({
    file,
    isLinted: config !== undefined,
    hasLayerRule: config?.rules['@typescript-eslint/no-restricted-imports']?.[0] === 2,
    hasSizeRule: config?.rules['max-lines']?.[0] === 2,
    hasWarnings: severities.includes(1),
  });
}
console.log(JSON.stringify({ violations, cycle, files }));
