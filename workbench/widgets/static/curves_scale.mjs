// Pure geometry of the live curves: ranges, ticks, non-overlapping labels, and growing lines. No page needed.

/** @typedef {{ x: number[], y: number[] }} Line */

/**
 * Add `{at, x, y}` to a line: keep its first `at` points and append the others.
 * @param {Line | undefined} line
 * @param {Line & { at: number }} part
 * @returns {Line}
 */
export function grow(line, { at, x, y }) {
  const kept = line ?? { x: [], y: [] };
  return { x: kept.x.slice(0, at).concat(x), y: kept.y.slice(0, at).concat(y) };
}

/**
 * Return about `wanted` round numbers from `low` to `high`.
 * @param {number} low
 * @param {number} high
 * @param {number} wanted
 */
export function ticks(low, high, wanted) {
  const rough = (high - low) / Math.max(wanted, 1);
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5].map((k) => k * size).find((s) => s >= rough * 0.999) ?? 10 * size;
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k += 1) found.push(Number((k * step).toPrecision(12)));
  return found;
}

/**
 * Compute the value range of a panel: all values, except the highest 2 % of the loss.
 * @param {Line[]} lines
 * @param {string} metric
 */
export function extent(lines, metric) {
  const values = lines.flatMap((line) => line.y).sort((a, b) => a - b);
  if (!values.length) return [0, 1];
  const low = values[0];
  const high = values[metric === "loss" ? Math.floor((values.length - 1) * 0.98) : values.length - 1];
  const room = Math.max((high - low) * 0.08, metric === "loss" ? 1e-3 : 0.01);
  return metric === "loss" ? [Math.max(0, low - room), high + room] : [Math.max(0, low - room), Math.min(1, high + room)];
}

/**
 * Place labels near `heights`, at least `gap` apart, within `low` … `high`, in the same order.
 * @param {number[]} heights
 * @param {number} gap
 * @param {number} low
 * @param {number} high
 */
export function apart(heights, gap, low, high) {
  const order = heights.map((_, i) => i).sort((a, b) => heights[a] - heights[b]);
  /** @type {number[]} */
  const placed = [];
  let last = low - gap;
  for (const i of order) { placed[i] = last = Math.max(heights[i], last + gap); }
  let next = high + gap;
  for (const i of order.reverse()) { placed[i] = next = Math.min(placed[i], next - gap); }
  return placed;
}

/**
 * Find the index of the point in sorted `x` nearest to `at`.
 * @param {number[]} x
 * @param {number} at
 */
export function nearest(x, at) {
  let low = 0, high = x.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (x[middle] <= at) low = middle; else high = middle;
  }
  return Math.abs(x[high] - at) < Math.abs(x[low] - at) ? high : low;
}
