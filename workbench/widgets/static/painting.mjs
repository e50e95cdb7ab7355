// Arithmetic of painting a grid of learning rates: rows are stages, stem first; columns are epochs; 0 is frozen.

/** Row and column; -1 is a header. @typedef {[number, number]} Cell */
/** Red, green and blue, 0 to 255. @typedef {[number, number, number]} Colour */
/** Left and top of the first cell, and the pitch of cells. @typedef {{ left: number, top: number, width: number, height: number }} Box */

const CIVIDIS = ["00224e", "123570", "3b496c", "575d6d", "707173", "8a8678", "a59c74", "c3b369", "fee838"].map(
  (hex) => [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)));
const SLOWEST = 0.01, FASTEST = 3;

/**
 * Return the color of a multiplier on cividis, log scale from 0.01 to 3 times the learning rate.
 * @param {number} rate
 * @returns {Colour}
 */
export function rampColour(rate) {
  const share = Math.log(rate / SLOWEST) / Math.log(FASTEST / SLOWEST);
  const at = Math.min(Math.max(share, 0), 1) * (CIVIDIS.length - 1);
  const low = Math.min(Math.floor(at), CIVIDIS.length - 2);
  const mixed = CIVIDIS[low].map((part, i) => Math.round(part + (CIVIDIS[low + 1][i] - part) * (at - low)));
  return /** @type {Colour} */ (mixed);
}

/**
 * True if black text is easier to read than white on a color.
 * @param {Colour} colour
 */
export function wantsBlack([red, green, blue]) {
  const linear = [red, green, blue].map((part) => (part / 255) ** 2.2);
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] > 0.18;
}

/**
 * Format a multiplier in few digits: 0.343 -> "0.34", 1 -> "1", 0.0123 -> "0.012".
 * @param {number} rate
 */
export function times(rate) {
  return String(Number(rate.toPrecision(2)));
}

/**
 * Return the cells on the straight line between two cells, ends included, so that a quick drag skips none.
 * @param {Cell} from
 * @param {Cell} to
 * @returns {Cell[]}
 */
export function between([row, column], [lastRow, lastColumn]) {
  const steps = Math.max(Math.abs(lastRow - row), Math.abs(lastColumn - column));
  if (steps === 0) return [[row, column]];
  return Array.from({ length: steps + 1 }, (_, i) => [
    Math.round(row + ((lastRow - row) * i) / steps),
    Math.round(column + ((lastColumn - column) * i) / steps),
  ]);
}

/**
 * Find the cell under a point, clamped to the grid.
 * @param {number} x
 * @param {number} y
 * @param {Box} box
 * @param {number} rows
 * @param {number} columns
 * @returns {Cell}
 */
export function cellUnder(x, y, box, rows, columns) {
  const hold = (/** @type {number} */ value, /** @type {number} */ most) => Math.min(Math.max(Math.floor(value), 0), most - 1);
  return [hold((y - box.top) / box.height, rows), hold((x - box.left) / box.width, columns)];
}

/**
 * Copy the grid with some cells set to a rate; return the same grid if nothing changes.
 * @param {number[][]} grid
 * @param {Cell[]} cells
 * @param {number} rate
 */
export function painted(grid, cells, rate) {
  const fresh = cells.filter(([row, column]) => grid[row]?.[column] !== undefined && grid[row][column] !== rate);
  if (fresh.length === 0) return grid;
  const copy = grid.map((row) => row.slice());
  for (const [row, column] of fresh) copy[row][column] = rate;
  return copy;
}

/**
 * True if a cell begins a run of one rate in its row, and so shows the number.
 * @param {number[]} row
 * @param {number} column
 */
export function beginsRun(row, column) {
  return row[column] > 0 && (column === 0 || row[column - 1] !== row[column]);
}

/**
 * Find the cell that an arrow, Home or End leads to; null for another key.
 * @param {Cell} cell
 * @param {string} key
 * @param {boolean} far true if Ctrl is pressed
 * @param {number} rows
 * @param {number} columns
 * @returns {Cell | null}
 */
export function moved([row, column], key, far, rows, columns) {
  const hold = (/** @type {number} */ value, /** @type {number} */ most) => Math.min(Math.max(value, -1), most - 1);
  // the head is drawn on top, so up leads towards the last stage
  if (key === "ArrowUp") return [row === rows - 1 || row === -1 ? -1 : row + 1, Math.max(column, row >= rows - 1 ? 0 : column)];
  if (key === "ArrowDown") return [row === -1 ? rows - 1 : Math.max(row - 1, 0), column];
  if (key === "ArrowLeft") return [row, hold(column - 1, columns) === -1 && row === -1 ? 0 : hold(column - 1, columns)];
  if (key === "ArrowRight") return [row, hold(column + 1, columns)];
  if (key === "Home") return [far ? rows - 1 : row, row === -1 ? 0 : -1];
  if (key === "End") return [far ? 0 : row, columns - 1];
  return null;
}

/**
 * Describe a column of the grid: "epoch 3", or "epochs 5 to 8" where it covers several.
 * @param {number} column
 * @param {number} columns
 * @param {number} epochs
 */
export function epochsOf(column, columns, epochs) {
  const first = Math.ceil((column * epochs) / columns - 1e-9) + 1;
  const last = Math.max(Math.ceil(((column + 1) * epochs) / columns - 1e-9), first);
  return { first, last, words: first === last ? `epoch ${first}` : `epochs ${first} to ${last}` };
}

/**
 * Describe a cell for a screen reader: "blocks.6, epoch 3, 0.1 times".
 * @param {string} stage
 * @param {string} when
 * @param {number} rate
 */
export function cellLabel(stage, when, rate) {
  return `${stage}, ${when}, ${rate > 0 ? `${times(rate)} times` : "frozen"}`;
}
