
'use strict';
// Without this the page is whole: here are a light or dark page, tables that sort, and a filter.

const root = document.documentElement;
const system = matchMedia('(prefers-color-scheme: dark)');

function remembered() {
  try { return localStorage.getItem('bench-theme'); } catch { return null; }  // as in file://
}
function remember(theme) {
  try { localStorage.setItem('bench-theme', theme); } catch { /* this once, then */ }
}
function isDark() {
  return (root.style.colorScheme || (system.matches ? 'dark' : 'light')) === 'dark';
}
root.style.colorScheme = { dark: 'dark', light: 'light' }[remembered()] ?? '';

function addThemeButton() {
  const button = make('button', { type: 'button', textContent: 'Dark page' });
  const show = () => button.setAttribute('aria-pressed', isDark());
  button.addEventListener('click', () => {
    root.style.colorScheme = isDark() ? 'light' : 'dark';
    remember(root.style.colorScheme);
    show();
  });
  system.addEventListener('change', show);
  show();
  document.querySelector('header').append(button);
}

// A number as it is printed: 0.345 ± 0.002, ≥ 3.2 [2.1, 4.9], −0.020, 1,234, 22.7 M, 2/3 (1 failed).
const NUMBER = /^[≥≤<>~=*[(\s]*([+\-−]?)(\d{1,3}(?:,\d{3})+|\d+|∞)(\.\d+)?(e[+\-−]?\d+)?(?:\s*([kMGT]))?(?![\p{L}\d]|[.,]\d)/u;
const THOUSANDS = { k: 1e3, M: 1e6, G: 1e9, T: 1e12 };

function numberIn(text) {
  const found = NUMBER.exec(text);
  if (!found) return null;
  const [, sign, whole, part = '', power = '', prefix] = found;
  const size = Number(whole.replaceAll(',', '').replace('∞', 'Infinity') + part + power.replace('−', '-'));
  return (sign && sign !== '+' ? -size : size) * (THOUSANDS[prefix] ?? 1);
}

const words = new Intl.Collator('en', { numeric: true });

// Rows sort within their group; those with nothing in the column, or no number, stand last.
function sort(table, column, direction) {
  const text = (row) => row.cells[column].textContent.trim();
  const filled = [...table.tBodies].flatMap((body) => [...body.rows].map(text)).filter((cell) => cell && cell !== '–');
  const numbers = filled.filter((cell) => numberIn(cell) !== null).length;
  const right = table.tHead.rows[0].cells[column].classList.contains('r');
  const byNumber = numbers > 0 && (right || numbers === filled.length);
  const key = (row) => (byNumber ? numberIn(text(row)) : text(row) === '–' ? null : text(row) || null);
  for (const body of table.tBodies) {
    const keyed = [...body.rows].map((row) => ({ row, key: key(row) }));
    keyed.sort((one, other) => {
      if (one.key === null || other.key === null) return (one.key === null) - (other.key === null);
      return direction * (byNumber ? (one.key > other.key) - (one.key < other.key) : words.compare(one.key, other.key));
    });
    body.append(...keyed.map(({ row }) => row));
  }
}

function addSorting(table) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = make('button', { type: 'button' });
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener('click', () => {
      const ascending = head.ariaSort !== 'ascending';
      heads.forEach((one) => one.removeAttribute('aria-sort'));
      head.setAttribute('aria-sort', ascending ? 'ascending' : 'descending');
      sort(table, column, ascending ? 1 : -1);
    });
  });
}

const FEW = 6;  // so many rows are seen at a glance

function addFilter(table, rows) {
  const texts = new Map(rows.map((row) => [row, [...row.cells].map((cell) => cell.textContent).join(' ').toLowerCase()]));
  const field = make('input', { type: 'search', autocomplete: 'off' });
  const count = make('output', { textContent: `${rows.length} rows` });
  count.setAttribute('aria-live', 'polite');
  field.addEventListener('input', () => {
    const wanted = field.value.toLowerCase().split(/\s+/);
    rows.forEach((row) => { row.hidden = !wanted.every((word) => texts.get(row).includes(word)); });
    const shown = rows.filter((row) => !row.hidden).length;
    count.textContent = shown ? `${shown} of ${rows.length} rows` : 'No row matches.';
  });
  field.setAttribute('aria-label', `Filter rows: ${document.getElementById(table.getAttribute('aria-labelledby')).textContent}`);
  const label = make('label', { textContent: 'Filter rows' });
  label.append(field);
  const bar = make('div', { className: 'filter' });
  bar.append(label, count);
  table.closest('.scroll').before(bar);
}

function make(tag, properties) {
  return Object.assign(document.createElement(tag), properties);
}

document.addEventListener('DOMContentLoaded', () => {
  addThemeButton();
  for (const table of document.querySelectorAll('.scroll table')) {
    const rows = [...table.tBodies].flatMap((body) => [...body.rows]);
    if (rows.length > 1) addSorting(table);
    if (rows.length > FEW) addFilter(table, rows);
  }
});
