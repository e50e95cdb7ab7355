import { eachFrame, make } from "./kit.mjs";
import { cellsOf, dataAt, nearestTo, packed, plot, scaleOf, shuffled, stamp, under, wholeView, zoomed } from "./point_cloud.mjs";
import { banded, FRONT, outToIn, roundView, spun, turnedTo } from "./point_space.mjs";

/** @typedef {import("./point_cloud.mjs").View} View */
/** @typedef {import("./point_cloud.mjs").Stamp} Stamp */
/** @typedef {import("./point_cloud.mjs").Pairs} Numbers */
/** @typedef {{ flat: Numbers, z: Numbers }} Points */

/** Height of the canvas in CSS pixels. */
export const CLOUD_HEIGHT = 520;
const WHILE_MOVING = 150000, MOVE = 500, ANIMATED = 60000, REACH = 10;

/** Points on a canvas, rotated and zoomed, with rings and the lasso on a second canvas above it. */
export class CloudPicture {
  /** Points in the order of the traits; the third dimension may be empty. */
  flat = new Float32Array(0);
  z = new Float32Array(0);
  /** Projected positions of the points, and their depth. */
  xy = new Float32Array(0);
  depth = new Float32Array(0);
  n = 0;
  /** @type {Points} */
  goal = { flat: this.flat, z: this.z };
  /** @type {View | null} */
  view = null;
  turn = FRONT;
  order = new Uint32Array(0);
  codes = new Uint16Array(0);
  chosen = new Uint32Array(0);
  /** @type {{ shapes?: number[], colours?: string[] }} */
  palette = {};
  /** Marks and colors by code; color 0 is not drawn. @type {Stamp[]} */
  stamps = [];
  /** @type {number[]} */
  colours = [];
  /** @type {number[]} */
  faint = [];
  /** Hidden codes. @type {Set<number>} */
  hidden = new Set();
  /** Rows with a ring, or -1. */
  hovered = -1;
  opened = -1;
  /** Path of the unfinished lasso, in pixels. @type {[number, number][] | null} */
  path = null;
  width = 0;
  height = 0;
  ratio = 1;

  constructor() {
    this.canvas = make("canvas", { class: "wb-cloud-canvas", tabindex: 0, role: "application" });
    this.over = make("canvas", { class: "wb-cloud-over" });
    this.pen = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    this.overPen = /** @type {CanvasRenderingContext2D} */ (this.over.getContext("2d"));
    this.drawSoon = eachFrame(() => this.draw());
    this.moveSoon = eachFrame(() => this.draw(true));
    this.overSoon = eachFrame(() => this.drawOver());
  }

  // ---------------------------------------------------------------- points and marks

  /**
   * Show other points; if their number is the same they move there from their old positions.
   * @param {Numbers} flat
   * @param {Numbers} deep third dimension, or empty
   * @param {boolean} animate
   */
  takePoints(flat, deep, animate) {
    const z = deep.length * 2 === flat.length ? deep : new Float32Array(0), before = { flat: this.flat, z: this.z };
    this.n = flat.length / 2;
    this.order = this.order.length === this.n ? this.order : shuffled(this.n);
    this.goal = { flat, z };
    const same = before.flat.length === flat.length && before.z.length === z.length;
    const moves = animate && same && this.n <= ANIMATED && this.n > 0;
    if (!moves) this.view = null;
    [this.flat, this.z] = moves ? [before.flat.slice(), before.z.slice()] : [flat, z];
    this.ball = roundView(flat, z, 1, 1);
    this.canvas.setAttribute("aria-label", `images as points: arrow keys ${this.deep ? "turn" : "move"}, plus and minus zoom, 0 shows all, Escape clears the selection`);
    this.canvas.classList.toggle("wb-cloud-deep", this.deep);
    this.face();
    this.dress();
    if (!moves) this.drawSoon();
    else this.glide(before, this.whole(this.goal));
  }

  /** True if the points have a third dimension. */
  get deep() {
    return this.z.length > 0;
  }

  /** Project the points with the present rotation. */
  face() {
    this.cells = null;
    if (!this.deep || !this.ball) {
      this.xy = this.flat;
      return;
    }
    if (this.xy === this.flat || this.xy.length !== this.flat.length) this.xy = new Float32Array(this.flat.length);
    if (this.depth.length !== this.n) this.depth = new Float32Array(this.n);
    turnedTo(this.turn, this.flat, this.z, this.ball.middle, this.xy, this.depth);
  }

  /**
   * Return the view that contains all points under any rotation.
   * @param {Points} points
   */
  whole({ flat, z }) {
    return z.length ? roundView(flat, z, this.width || 1, this.height || 1).view : wholeView(flat, this.width || 1, this.height || 1);
  }

  /**
   * Animate the points, and the view, from their old to their new positions.
   * @param {Points} before
   * @param {View} aim
   */
  glide(before, aim) {
    const start = this.view ?? aim, { goal } = this, began = performance.now();
    const from = { flat: before.flat.slice(), z: before.z.slice() };
    const step = () => {
      if (this.goal !== goal) return;
      const t = Math.min((performance.now() - began) / MOVE, 1), s = t * t * (3 - 2 * t);
      for (const part of /** @type {const} */ (["flat", "z"]))
        for (let i = 0; i < goal[part].length; i++) this[part][i] = from[part][i] + s * (goal[part][i] - from[part][i]);
      this.view = { x: start.x + s * (aim.x - start.x), y: start.y + s * (aim.y - start.y), half: start.half + s * (aim.half - start.half) };
      if (t === 1) [this.flat, this.z] = [goal.flat, goal.z];
      this.face();
      this.draw();
      if (t < 1) requestAnimationFrame(step);
      else this.canvas.dataset.settled = String(Number(this.canvas.dataset.settled ?? 0) + 1);
    };
    requestAnimationFrame(step);
  }

  /** Make the marks by code, smaller for more points. */
  dress() {
    const { shapes = [], colours = [] } = this.palette, ratio = window.devicePixelRatio || 1, few = this.n < 12000;
    const radius = (this.n < 1500 ? 3.6 : few ? 2.4 : this.n < 150000 ? 1.3 : 0.7) * ratio;
    const kinds = [0, 1, 2, 3].map((shape) => stamp(shape, radius));
    this.stamps = shapes.map((shape) => kinds[few ? shape : 0]);
    this.colours = colours.map((colour, code) => (this.hidden.has(code) ? 0 : packed(colour)));
    this.faint = this.colours.map((colour) => (colour ? ((0x30 << 24) | 0x808080) >>> 0 : 0));
    // far points are smaller and paler
    this.near = this.deep ? banded(this.colours, this.faint, (share) => shapes.map((shape) => stamp(few ? shape : 0, radius * share))) : null;
  }

  // ---------------------------------------------------------------- drawing

  /**
   * Adapt the canvas to its width on the page.
   * @param {number} room width in CSS pixels
   */
  resized(room) {
    const ratio = window.devicePixelRatio || 1, width = Math.round(room * ratio), height = Math.round(CLOUD_HEIGHT * ratio);
    if (!width || (width === this.width && height === this.height)) return;
    for (const canvas of [this.canvas, this.over]) Object.assign(canvas, { width, height });
    Object.assign(this, { width, height, ratio });
    this.image = this.pen.createImageData(width, height);
    this.pixels = new Uint32Array(this.image.data.buffer);
    this.face();
    this.dress();
    this.draw();
  }

  draw(moving = false) {
    if (!this.image || !this.pixels || this.codes.length !== this.n) return;
    this.view ??= this.whole(this.goal);
    const started = performance.now(), last = moving ? Math.min(WHILE_MOVING, this.n) : this.n;
    this.pixels.fill(0);
    this.drawPoints(this.pixels, this.view, last);
    this.pen.putImageData(this.image, 0, 0);
    this.canvas.dataset.drawn = String(last);
    this.canvas.dataset.took = (performance.now() - started).toFixed(1);
    this.drawOver();
    clearTimeout(this.later);
    if (last < this.n) this.later = setTimeout(() => this.draw(), 120);
  }

  /**
   * @param {Uint32Array} pixels
   * @param {View} view
   * @param {number} last number of points drawn
   */
  drawPoints(pixels, view, last) {
    const { chosen, near } = this, some = chosen.length > 0;
    const paint = (/** @type {Uint16Array} */ codes, /** @type {number[]} */ colours, /** @type {Stamp[]} */ stamps,
      /** @type {Uint32Array} */ order, /** @type {number} */ count) =>
      plot(pixels, this.width, this.height, view, this.xy, codes, colours, stamps, order, 0, count);
    if (near && this.ball) {
      const { order, codes } = outToIn(this.depth, this.ball.reach, this.codes, this.colours.length);
      paint(codes, some ? near.faint : near.colours, near.stamps, last < this.n ? this.order : order, last);
      if (some) paint(codes, near.colours, near.stamps, chosen, chosen.length);
    } else {
      paint(this.codes, some ? this.faint : this.colours, this.stamps, this.order, last);
      if (some) paint(this.codes, this.colours, this.stamps, chosen, chosen.length);
    }
  }

  drawOver() {
    const pen = this.overPen, { view } = this;
    pen.clearRect(0, 0, this.width, this.height);
    pen.strokeStyle = getComputedStyle(this.canvas).color;
    for (const [row, size] of [[this.opened, 9], [this.hovered, 7]]) {
      if (!view || row < 0 || row >= this.n) continue;
      const scale = scaleOf(view, this.height);
      pen.lineWidth = 2 * this.ratio;
      pen.beginPath();
      pen.arc(this.width / 2 + (this.xy[2 * row] - view.x) * scale, this.height / 2 - (this.xy[2 * row + 1] - view.y) * scale, size * this.ratio, 0, 7);
      pen.stroke();
    }
    if (!this.path) return;
    pen.lineWidth = this.ratio;
    pen.setLineDash([4 * this.ratio, 3 * this.ratio]);
    tracePath(pen, this.path);
    pen.stroke();
    pen.setLineDash([]);
  }

  // ---------------------------------------------------------------- moving

  /** True once there are points that can be moved. */
  get ready() {
    return this.view !== null && this.n > 0;
  }

  /**
   * Zoom about a pixel, which remains fixed.
   * @param {number} px
   * @param {number} py
   * @param {number} factor
   */
  zoom(px, py, factor) {
    if (!this.view) return;
    this.view = zoomed(this.view, this.width, this.height, px, py, factor);
    this.moveSoon();
  }

  /**
   * Rotate from a given rotation by right and down, as a trackball.
   * @param {number[]} turn
   * @param {number} right
   * @param {number} down
   */
  spin(turn, right, down) {
    this.turn = spun(turn, right, down);
    this.face();
    this.moveSoon();
  }

  showAll() {
    this.view = null;
    this.turn = FRONT;
    this.face();
    this.drawSoon();
  }

  // ---------------------------------------------------------------- hit testing

  /** True if a row is drawn. */
  shown = (/** @type {number} */ row) => this.colours[this.codes[row]] !== 0;

  /**
   * Find the row nearest to a pixel, or -1. Points are sorted into cells at the first call after they moved.
   * @param {number} px
   * @param {number} py
   */
  rowAt(px, py) {
    if (!this.view) return -1;
    const [x, y] = dataAt(this.view, this.width, this.height, px, py);
    this.cells ??= cellsOf(this.xy);
    return nearestTo(this.xy, this.cells, x, y, (REACH * this.ratio) / scaleOf(this.view, this.height), this.shown);
  }

  /**
   * Find the rows inside a path of pixels.
   * @param {[number, number][]} path
   */
  rowsInside(path) {
    const { width, height } = this;
    if (!this.view) return new Uint32Array(0);
    const cover = make("canvas", { width, height });
    const pen = /** @type {CanvasRenderingContext2D} */ (cover.getContext("2d", { willReadFrequently: true }));
    tracePath(pen, path);
    pen.fill();
    const inside = pen.getImageData(0, 0, width, height).data, mask = new Uint8Array(width * height);
    for (let i = 0; i < mask.length; i++) mask[i] = Number(inside[4 * i + 3] > 127);
    return under(mask, width, height, this.view, this.xy, this.shown);
  }
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {[number, number][]} path
 */
function tracePath(pen, path) {
  pen.beginPath();
  path.forEach(([x, y], i) => (i ? pen.lineTo(x, y) : pen.moveTo(x, y)));
  pen.closePath();
}
