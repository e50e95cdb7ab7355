// Arithmetic of a point cloud in three dimensions: rotated and projected, far points smaller and paler.

/** Rotation of the front view: rows are the axes to the right, up and towards the viewer. */
export const FRONT = [1, 0, 0, 0, 1, 0, 0, 0, 1];

/**
 * Compose a rotation with one about the page's axes: to the right, then down, in radians.
 * @param {number[]} turn
 * @param {number} right
 * @param {number} down
 * @returns {number[]}
 */
export function spun(turn, right, down) {
  const [a, b, c, d] = [Math.cos(right), Math.sin(right), Math.cos(down), Math.sin(down)];
  const about = [a, 0, b, b * d, c, -a * d, -b * c, d, a * c], out = new Array(9);
  for (let i = 0; i < 3; i++)
    for (let j = 0; j < 3; j++) out[3 * i + j] = about[3 * i] * turn[j] + about[3 * i + 1] * turn[3 + j] + about[3 * i + 2] * turn[6 + j];
  return out;
}

/**
 * Project the points: write positions to `xy`, and depth (larger is nearer) to `depth`.
 * @param {number[]} turn
 * @param {Float32Array} flat
 * @param {Float32Array} z
 * @param {number[]} middle
 * @param {Float32Array} xy
 * @param {Float32Array} depth
 */
export function turnedTo(turn, flat, z, middle, xy, depth) {
  const [a, b, c, d, e, f, g, h, k] = turn, [mx, my, mz] = middle;
  for (let i = 0; i < z.length; i++) {
    const x = flat[2 * i] - mx, y = flat[2 * i + 1] - my, w = z[i] - mz;
    xy[2 * i] = a * x + b * y + c * w;
    xy[2 * i + 1] = d * x + e * y + f * w;
    depth[i] = g * x + h * y + k * w;
  }
}

/**
 * Compute the ball around all points: its center, its radius, and the view that contains it under any rotation.
 * @param {Float32Array} flat
 * @param {Float32Array} z
 * @param {number} width
 * @param {number} height
 */
export function roundView(flat, z, width, height) {
  const low = [Infinity, Infinity, Infinity], high = [-Infinity, -Infinity, -Infinity], part = [flat, flat, z];
  for (let k = 0; k < 3; k++)
    for (let i = 0; i < z.length; i++) {
      const v = part[k][k < 2 ? 2 * i + k : i];
      if (v < low[k]) low[k] = v;
      if (v > high[k]) high[k] = v;
    }
  const middle = low.map((v, k) => (v <= high[k] ? (v + high[k]) / 2 : 0));
  let far = 0;
  for (let i = 0; i < z.length; i++)
    far = Math.max(far, (flat[2 * i] - middle[0]) ** 2 + (flat[2 * i + 1] - middle[1]) ** 2 + (z[i] - middle[2]) ** 2);
  const reach = Math.sqrt(far) || 1;
  return { middle, reach, view: { x: 0, y: 0, half: reach * Math.max(1, height / width) * 1.04 } };
}

const BANDS = [[0.8, 0x70], [0.92, 0xa8], [1, 0xd8], [1.15, 0xff]]; // fraction of the radius, opacity; the farthest band first

/**
 * Make colors, faint colors and stamps for every code in every band of depth, the farthest band first.
 * @param {number[]} colours
 * @param {number[]} faint
 * @param {(share: number) => import("./point_cloud.mjs").Stamp[]} stamps stamps for a fraction of the radius
 */
export function banded(colours, faint, stamps) {
  const pale = (/** @type {number[]} */ all, /** @type {number} */ most) => all.map((colour) => (colour ? ((((Math.round(((colour >>> 24) * most) / 255)) << 24) | (colour & 0xffffff)) >>> 0) : 0));
  return {
    colours: BANDS.flatMap(([, most]) => pale(colours, most)),
    faint: BANDS.flatMap(() => faint),
    stamps: BANDS.flatMap(([share]) => stamps(share)),
  };
}

/**
 * Return the order from the farthest point to the nearest, by 256 steps of depth, and codes that include the band.
 * @param {Float32Array} depth
 * @param {number} reach
 * @param {ArrayLike<number>} codes
 * @param {number} count number of codes
 */
export function outToIn(depth, reach, codes, count) {
  const n = depth.length, order = new Uint32Array(n), starts = new Uint32Array(257), step = new Uint8Array(n), out = new Uint16Array(n);
  for (let i = 0; i < n; i++) {
    step[i] = Math.min(Math.max(Math.floor((depth[i] / reach + 1) * 128), 0), 255);
    starts[step[i] + 1]++;
    out[i] = codes[i] + count * Math.min(step[i] >> 6, BANDS.length - 1);
  }
  for (let k = 0; k < 256; k++) starts[k + 1] += starts[k];
  for (let i = 0; i < n; i++) order[starts[step[i]]++] = i;
  return { order, codes: out };
}
