/**
 * A figure: one measured ratio, with its goal where it has one, and the table that shows them.
 *
 * `{ figure, goal?: ['<=' | '>=', number], measured, low, high, unit?, note? }`; `low` and `high` are the quartiles of the
 * rounds.
 */

/** Whether a figure meets its goal; `undefined` without one. */
export function isMet({ goal, measured }) {
  if (goal === undefined) return undefined;
  return goal[0] === '<=' ? measured <= goal[1] : measured >= goal[1];
}

const SIGNS = { '<=': '≤', '>=': '≥' };

/** Lines of a table. */
export function formatFigures(figures) {
  const rows = figures.map((each) => {
    const met = isMet(each);
    const unit = each.unit ?? '×';
    return [
      each.figure,
      each.goal === undefined ? '-' : `${SIGNS[each.goal[0]]} ${each.goal[1]} ${unit}`,
      `${format(each.measured)} ${unit}`,
      each.low === undefined ? '' : `${format(each.low)} .. ${format(each.high)}`,
      met === undefined ? 'info' : met ? 'yes' : 'NO',
      each.note ?? '',
    ];
  });
  return formatTable(['figure', 'goal', 'measured', 'quartiles', 'met?', ''], rows);
}

/** Lines of a table with aligned columns. */
export function formatTable(head, rows) {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column].length)));
  const line = (cells) => `  ${cells.map((cell, column) => cell.padEnd(widths[column])).join('  ')}`.trimEnd();
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)];
}

/** Three significant digits, the same width for the sizes that occur. */
export function format(value) {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
