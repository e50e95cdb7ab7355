// Arithmetic of a point cloud: positions on a canvas, the nearest point, points inside a lasso.

/** Visible region: its center and half its height, in data units. @typedef {{ x: number, y: number, half: number }} View */
/** Pairs of x and y, one after another. @typedef {Float32Array<ArrayBuffer>} Pairs */
/** Pixels of a mark: offsets to the right and down, coverage from 0 to 255. @typedef {[number, number, number][]} Stamp */
/** @typedef {{ starts: Uint32Array, rows: Uint32Array, across: number, low: number[], size: number }} Cells */

/**
 * Return the view that contains all points: center and half height in data units, with a small margin.
 * @param {Pairs} xy
 * @param {number} width
 * @param {number} height
 * @returns {View}
 */
export function wholeView(xy, width, height) {
  let left = Infinity, right = -Infinity, low = Infinity, high = -Infinity;
  for (let i = 0; i < xy.length; i += 2) {
    const x = xy[i], y = xy[i + 1];
    if (x < left) left = x;
    if (x > right) right = x;
    if (y < low) low = y;
    if (y > high) high = y;
  }
  if (!(left <= right)) return { x: 0, y: 0, half: 1 };
  const tall = (high - low) / 2, wide = (right - left) / 2;
  return { x: (left + right) / 2, y: (low + high) / 2, half: (Math.max(tall, (wide * height) / width) || 1) * 1.06 };
}

/**
 * Return the pixels per data unit.
 * @param {View} view
 * @param {number} height
 */
export function scaleOf(view, height) {
  return height / (2 * view.half);
}

/**
 * Return the data coordinates of a pixel.
 * @param {View} view
 * @param {number} width
 * @param {number} height
 * @param {number} px
 * @param {number} py
 * @returns {[number, number]}
 */
export function dataAt(view, width, height, px, py) {
  const scale = scaleOf(view, height);
  return [view.x + (px - width / 2) / scale, view.y - (py - height / 2) / scale];
}

/**
 * Return the view after zooming by `factor` about a pixel, which remains fixed.
 * @param {View} view
 * @param {number} width
 * @param {number} height
 * @param {number} px
 * @param {number} py
 * @param {number} factor
 * @returns {View}
 */
export function zoomed(view, width, height, px, py, factor) {
  const [x, y] = dataAt(view, width, height, px, py);
  return { x: x + (view.x - x) / factor, y: y + (view.y - y) / factor, half: view.half / factor };
}

/**
 * Make the offsets and coverage of a mark: disc, square, diamond, triangle, one for every eight colors.
 * @param {number} shape
 * @param {number} radius
 */
export function stamp(shape, radius) {
  /** @type {Stamp} */
  const offsets = [];
  const reach = Math.ceil(radius);
  for (let dy = -reach; dy <= reach; dy++)
    for (let dx = -reach; dx <= reach; dx++) {
      const away = [Math.hypot(dx, dy) - radius, Math.max(Math.abs(dx), Math.abs(dy)) - radius * 0.86,
        (Math.abs(dx) + Math.abs(dy) - radius * 1.25) * 0.8, Math.max(dy - radius * 0.7, (2 * Math.abs(dx) - dy - radius * 1.1) * 0.45)][shape % 4];
      const cover = Math.min(Math.max(0.5 - away, 0), 1);
      if (cover > 0.1) offsets.push([dx, dy, Math.round(cover * 255)]);
    }
  return offsets;
}

/**
 * Draw points into 32-bit pixels (0xAABBGGRR), those listed in `order` from `first` to `last`.
 * Color and stamp depend on the code; a pixel at a mark's soft edge does not cover one drawn before.
 * @param {Uint32Array} pixels
 * @param {number} width
 * @param {number} height
 * @param {View} view
 * @param {Pairs} xy
 * @param {ArrayLike<number>} codes
 * @param {ArrayLike<number>} colours 0 for a hidden code
 * @param {Stamp[]} stamps
 * @param {ArrayLike<number> | null} order null for all, in their own order
 * @param {number} first
 * @param {number} last
 */
export function plot(pixels, width, height, view, xy, codes, colours, stamps, order, first, last) {
  const scale = scaleOf(view, height), left = width / 2 - view.x * scale, top = height / 2 + view.y * scale;
  for (let at = first; at < last; at++) {
    const i = order ? order[at] : at;
    const px = Math.round(xy[2 * i] * scale + left), py = Math.round(top - xy[2 * i + 1] * scale);
    if (px < -8 || py < -8 || px >= width + 8 || py >= height + 8) continue;
    const code = codes[i], colour = colours[code], marks = stamps[code];
    if (!colour) continue;
    const whole = colour >>> 24;
    for (let k = 0; k < marks.length; k++) {
      const x = px + marks[k][0], y = py + marks[k][1], cover = marks[k][2];
      if (x < 0 || y < 0 || x >= width || y >= height) continue;
      const place = y * width + x;
      if (cover > 200) pixels[place] = colour;
      else if (!pixels[place]) pixels[place] = (colour & 0xffffff) | (((whole * cover) >> 8) << 24);
    }
  }
}

/**
 * Sort points into square cells, so that the nearest one is found among few.
 * @param {Pairs} xy
 * @returns {Cells}
 */
export function cellsOf(xy, most = 256) {
  const n = xy.length / 2, across = Math.max(1, Math.min(most, Math.ceil(Math.sqrt(n / 4))));
  const all = wholeView(xy, 1, 1), low = [all.x - all.half, all.y - all.half], size = (2 * all.half) / across;
  const cell = (/** @type {number} */ i) => {
    const column = Math.min(Math.max(Math.floor((xy[2 * i] - low[0]) / size), 0), across - 1);
    const row = Math.min(Math.max(Math.floor((xy[2 * i + 1] - low[1]) / size), 0), across - 1);
    return row * across + column;
  };
  const starts = new Uint32Array(across * across + 1), rows = new Uint32Array(n);
  for (let i = 0; i < n; i++) starts[cell(i) + 1]++;
  for (let c = 0; c < across * across; c++) starts[c + 1] += starts[c];
  const next = starts.slice(0, -1);
  for (let i = 0; i < n; i++) rows[next[cell(i)]++] = i;
  return { starts, rows, across, low, size };
}

/**
 * Find the point nearest to (x, y) within `reach` data units, or -1; `shown` is true for drawn points.
 * @param {Pairs} xy
 * @param {Cells} cells
 * @param {number} x
 * @param {number} y
 * @param {number} reach
 * @param {(i: number) => boolean} shown
 */
export function nearestTo(xy, cells, x, y, reach, shown = () => true) {
  const { starts, rows, across, low, size } = cells;
  const clamp = (/** @type {number} */ v) => Math.min(Math.max(Math.floor(v), 0), across - 1);
  let best = -1, least = reach * reach;
  for (let row = clamp((y - reach - low[1]) / size); row <= clamp((y + reach - low[1]) / size); row++)
    for (let column = clamp((x - reach - low[0]) / size); column <= clamp((x + reach - low[0]) / size); column++)
      for (let at = starts[row * across + column]; at < starts[row * across + column + 1]; at++) {
        const i = rows[at], far = (xy[2 * i] - x) ** 2 + (xy[2 * i + 1] - y) ** 2;
        if (far <= least && shown(i)) {
          least = far;
          best = i;
        }
      }
  return best;
}

/**
 * Return the rows of the points under a mask (one byte per pixel, not 0 inside).
 * @param {Uint8Array} mask
 * @param {number} width
 * @param {number} height
 * @param {View} view
 * @param {Pairs} xy
 * @param {(i: number) => boolean} shown
 */
export function under(mask, width, height, view, xy, shown = () => true) {
  const scale = scaleOf(view, height), left = width / 2 - view.x * scale, top = height / 2 + view.y * scale, found = [];
  for (let i = 0; i < xy.length / 2; i++) {
    const px = Math.round(xy[2 * i] * scale + left), py = Math.round(top - xy[2 * i + 1] * scale);
    if (px >= 0 && py >= 0 && px < width && py < height && mask[py * width + px] && shown(i)) found.push(i);
  }
  return Uint32Array.from(found);
}

/**
 * Return an order of all points in which every prefix is an even sample, drawn while the view moves.
 * @param {number} n
 */
export function shuffled(n, seed = 1) {
  const order = new Uint32Array(n);
  for (let i = 0; i < n; i++) order[i] = i;
  let state = seed >>> 0 || 1;
  for (let i = n - 1; i > 0; i--) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    const j = (state >>> 0) % (i + 1), held = order[i];
    order[i] = order[j];
    order[j] = held;
  }
  return order;
}

/**
 * Convert "#rrggbb" to 0xAABBGGRR, opaque.
 * @param {string} hex
 */
export function packed(hex) {
  const value = parseInt(hex.slice(1), 16);
  return (0xff000000 | ((value & 0xff) << 16) | (value & 0xff00) | (value >> 16)) >>> 0;
}
