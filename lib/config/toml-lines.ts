/**
 * Maps every key of a TOML text to its line, which the parser does not tell. Only run on texts the parser accepted,
 * so it skips values instead of understanding them; on any other text it still ends, with lines that mean less.
 */
import type { ConfigPath } from './config-path.js';
import { formatPath } from './config-path.js';

class LineScanner {
  readonly #text: string;
  readonly #lines = new Map<string, number>([['', 1]]);
  readonly #tableCounts = new Map<string, number>();
  #at = 0;
  #line = 1;

  constructor(text: string) {
    this.#text = text;
  }

  scan(): ReadonlyMap<string, number> {
    let table: ConfigPath = [];
    this.#skipBlank();
    while (this.#at < this.#text.length) {
      const before = this.#at;
      if (this.#peek() === '[') table = this.#header();
      else this.#assignment(table);
      // Only a text the parser would have refused can stop the scan here.
      if (this.#at === before) this.#step();
      this.#skipBlank();
    }
    return this.#lines;
  }

  #peek(): string {
    return this.#text.charAt(this.#at);
  }

  #step(count = 1): void {
    for (let done = 0; done < count; done += 1) {
      if (this.#peek() === '\n') this.#line += 1;
      this.#at += 1;
    }
  }

  /** Skips white space, line breaks, comments, and the `extra` characters. */
  #skipBlank(extra = ''): void {
    while (this.#at < this.#text.length) {
      const next = this.#peek();
      if (next === '#') {
        while (this.#at < this.#text.length && this.#peek() !== '\n') this.#step();
      } else if (' \t\r\n\uFEFF'.includes(next) || extra.includes(next)) this.#step();
      else return;
    }
  }

  #record(path: ConfigPath, line: number): void {
    for (let depth = 1; depth < path.length; depth += 1) {
      const parent = formatPath(path.slice(0, depth));
      if (!this.#lines.has(parent)) this.#lines.set(parent, line);
    }
    this.#lines.set(formatPath(path), line);
  }

  #header(): ConfigPath {
    const line = this.#line;
    this.#step();
    const isArray = this.#peek() === '[';
    if (isArray) this.#step();
    const keys = this.#dottedKey();
    this.#skipBlank(']');
    const path: (string | number)[] = [];
    keys.forEach((key, index) => {
      path.push(key);
      const name = formatPath(path);
      const isOwnArray = isArray && index === keys.length - 1;
      const count = (this.#tableCounts.get(name) ?? 0) + (isOwnArray ? 1 : 0);
      if (isOwnArray) this.#tableCounts.set(name, count);
      // A header below an array of tables speaks of its latest table.
      if (count > 0) path.push(count - 1);
    });
    this.#record(path, line);
    return path;
  }

  #assignment(table: ConfigPath): void {
    const line = this.#line;
    const path = [...table, ...this.#dottedKey()];
    if (this.#peek() !== '=') return;
    this.#step();
    this.#record(path, line);
    this.#value(path);
  }

  #dottedKey(): string[] {
    const keys: string[] = [];
    do {
      if (this.#peek() === '.') this.#step();
      this.#skipBlank();
      keys.push(this.#key());
      this.#skipBlank();
    } while (this.#peek() === '.');
    return keys;
  }

  #key(): string {
    const quote = this.#peek();
    const from = this.#at;
    if (quote !== '"' && quote !== "'") {
      while (/[A-Za-z0-9_-]/.test(this.#peek())) this.#step();
      return this.#text.slice(from, this.#at);
    }
    this.#string();
    const raw = this.#text.slice(from, this.#at);
    if (quote === '"') {
      try {
        return String(JSON.parse(raw));
      } catch {
        // An escape that TOML has and JSON has not: the line will be that of the table.
      }
    }
    return raw.slice(1, -1);
  }

  #string(): void {
    const quote = this.#peek();
    const mark = this.#text.startsWith(quote.repeat(3), this.#at) ? quote.repeat(3) : quote;
    this.#step(mark.length);
    while (this.#at < this.#text.length && !this.#text.startsWith(mark, this.#at)) {
      this.#step(quote === '"' && this.#peek() === '\\' ? 2 : 1);
    }
    this.#step(mark.length);
    // Up to two quotes may stand before the closing three.
    while (mark.length === 3 && this.#peek() === quote) this.#step();
  }

  #value(path: ConfigPath): void {
    this.#skipBlank();
    const first = this.#peek();
    if (first === '"' || first === "'") this.#string();
    else if (first === '[') this.#array(path);
    else if (first === '{') this.#inlineTable(path);
    else while (this.#at < this.#text.length && !',]}#\n'.includes(this.#peek())) this.#step();
  }

  #array(path: ConfigPath): void {
    this.#step();
    let index = 0;
    this.#skipBlank();
    while (this.#at < this.#text.length && this.#peek() !== ']') {
      const before = this.#at;
      const item = [...path, index];
      this.#record(item, this.#line);
      this.#value(item);
      if (this.#at === before) this.#step();
      this.#skipBlank(',');
      index += 1;
    }
    this.#step();
  }

  #inlineTable(path: ConfigPath): void {
    this.#step();
    this.#skipBlank();
    while (this.#at < this.#text.length && this.#peek() !== '}') {
      const before = this.#at;
      this.#assignment(path);
      if (this.#at === before) this.#step();
      this.#skipBlank(',');
    }
    this.#step();
  }
}

/** Returns a function from a path to its 1-based line; a path that is not in `text` has the line of the nearest table around it. */
export function findTomlLines(text: string): (path: ConfigPath) => number {
  let lines: ReadonlyMap<string, number> | undefined;
  return (path) => {
    // Only a configuration with a problem needs lines, and start-up should not pay for them.
    lines ??= new LineScanner(text).scan();
    for (let length = path.length; length > 0; length -= 1) {
      const line = lines.get(formatPath(path.slice(0, length)));
      if (line !== undefined) return line;
    }
    return 1;
  };
}
