// Arithmetic of a scatter plot on logarithmic and linear axes.

/**
 * Make a scale from [low, high] to pixels [first, last]; `log` for a logarithmic axis.
 * @param {number} low
 * @param {number} high
 * @param {number} first
 * @param {number} last
 * @param {boolean} log
 */
export function axis(low, high, first, last, log) {
  const of = log ? Math.log10 : (/** @type {number} */ value) => value;
  const from = of(low), way = of(high) - from || 1;
  return (/** @type {number} */ value) => first + ((of(value) - from) / way) * (last - first);
}

/**
 * Return the low and high of values with a margin on both sides; at least a decade on a logarithmic axis.
 * @param {number[]} values
 * @param {boolean} log
 * @returns {[number, number]}
 */
export function bounds(values, log) {
  let low = Infinity, high = -Infinity;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) return log ? [1, 10] : [0, 1];
  if (log) {
    const widen = Math.max((1 - Math.log10(high / low)) / 2, 0.06 * Math.log10(high / low));
    return [low / 10 ** widen, high * 10 ** widen];
  }
  const margin = (high - low) * 0.06 || 1;
  return [low - margin, high + margin];
}

/**
 * Return round values within bounds: 1, 3, 10, 30 … on a logarithmic axis, whole steps otherwise.
 * @param {[number, number]} bounds
 * @param {boolean} log
 * @param {number} most largest number on a logarithmic axis before only decades remain
 */
export function ticks([low, high], log, most = 6) {
  const found = [];
  if (log) {
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++)
      for (const digit of [1, 3]) found.push(digit * 10 ** power);
    const inside = found.filter((value) => value >= low && value <= high);
    const decades = inside.filter((value) => Number.isInteger(Math.round(Math.log10(value) * 1e6) / 1e6));
    return inside.length > most && decades.length > 1 ? decades : inside;
  }
  const rough = (high - low) / most, size = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5].find((times) => times * size >= rough) ?? 10) * size;
  for (let at = Math.ceil(low / step); at * step <= high; at++) found.push(at * step);
  return found;
}

/**
 * Find the index of the point nearest to (x, y) within `reach` pixels, or -1; later points are on top and win ties.
 * @param {{ x: number, y: number }[]} points
 * @param {number} x
 * @param {number} y
 * @param {number} reach
 */
export function nearest(points, x, y, reach) {
  let best = -1, least = reach * reach;
  points.forEach((point, i) => {
    const far = (point.x - x) ** 2 + (point.y - y) ** 2;
    if (far <= least) {
      least = far;
      best = i;
    }
  });
  return best;
}

/**
 * Choose the quantity of the vertical axis: accuracy if enough of the nets have it, otherwise multiply-adds.
 * @param {number} known
 * @param {number} all
 * @param {string} wanted
 */
export function upright(known, all, wanted = "auto") {
  if (wanted !== "auto") return wanted;
  return all > 0 && known >= 2 && known / all >= 0.25 ? "top1" : "gmacs";
}

/**
 * Sort rows by a column, ascending or descending; missing values are always last, ties keep their order.
 * @param {number[]} rows
 * @param {any[]} values
 * @param {boolean} down
 */
export function ordered(rows, values, down) {
  const sign = down ? -1 : 1;
  const missing = (/** @type {any} */ value) => Number(value === null || value === undefined || value === "");
  return rows.map((row, i) => [row, i]).sort(([a, i], [b, j]) => {
    const one = values[a], two = values[b];
    if (missing(one) || missing(two)) return missing(one) - missing(two) || i - j;
    const less = typeof one === "string" ? one.localeCompare(two, "en", { numeric: true }) : one - two;
    return sign * less || i - j;
  }).map(([row]) => row);
}

/**
 * Return the rows to draw at a scroll position: first and one past the last, with a small margin.
 * @param {number} top
 * @param {number} height
 * @param {number} rowHeight
 * @param {number} count
 */
export function inView(top, height, rowHeight, count, spare = 6) {
  const first = Math.max(Math.floor(top / rowHeight) - spare, 0);
  return [first, Math.min(Math.ceil((top + height) / rowHeight) + spare, count)];
}

/**
 * Describe whether a need fits into a limit; the estimate is good to a factor of two, so half is the bound.
 * @param {number | null} need
 * @param {number | null} limit
 */
export function fits(need, limit) {
  if (!need || !limit) return "";
  if (need > limit) return "too big";
  return need > limit / 2 ? "tight" : "fits";
}
