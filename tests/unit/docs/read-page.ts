/** Reads the documentation as data, so that tests can compare it with the code. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = new URL('../../../', import.meta.url);

/** The text of a file of the project. */
export function readPage(path: string): string {
  return readFileSync(new URL(path, ROOT), 'utf8');
}

/** The folders directly below a folder of the project, sorted. */
export function foldersOf(path: string): string[] {
  return readdirSync(fileURLToPath(new URL(path, ROOT)), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

/** The part of a page below the heading `heading`, up to the next one of the same level or above. */
export function sectionOf(page: string, heading: string): string {
  const level = /^#+/.exec(heading)?.[0].length ?? 0;
  const lines = page.split('\n');
  const start = lines.indexOf(heading);
  if (start === -1) throw new Error(`There is no heading "${heading}"`);
  const length = lines.slice(start + 1).findIndex((line) => /^#+ /.test(line) && (/^#+/.exec(line)?.[0].length ?? 0) <= level);
  return lines.slice(start + 1, length === -1 ? undefined : start + 1 + length).join('\n');
}

/** The rows of the first table of a text, without its head; cells without their code marks. */
export function tableOf(text: string): string[][] {
  const lines = text.split('\n');
  const start = lines.findIndex((line) => /^\| -+/.test(line));
  if (start === -1) throw new Error('There is no table');
  const rest = lines.slice(start + 1);
  const length = rest.findIndex((line) => !line.startsWith('|'));
  return rest.slice(0, length === -1 ? undefined : length).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replace(/^`([^`]*)`$/, '$1')),
  );
}

/** The contents of the code blocks of one language, in their order. */
export function codeBlocksOf(text: string, language: string): string[] {
  return [...text.matchAll(/^```(\w+)\n(.*?)\n```$/gms)]
    .filter(([, name]) => name === language)
    .map(([, , content = '']) => content);
}
