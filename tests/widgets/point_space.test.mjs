import assert from "node:assert/strict";
import { test } from "node:test";
import { banded, FRONT, outToIn, roundView, spun, turnedTo } from "../../workbench/widgets/static/point_space.mjs";

const close = (a, b) => assert.ok([...a].every((v, i) => Math.abs(v - b[i]) < 1e-6), `${[...a]} is not ${[...b]}`);
const flat = Float32Array.from([1, 0, 0, 1, 0, 0]), z = Float32Array.from([0, 0, 1]);

function seen(turn) {
  const xy = new Float32Array(6), depth = new Float32Array(3);
  turnedTo(turn, flat, z, [0, 0, 0], xy, depth);
  return { xy, depth };
}

test("from the front nothing is turned, and what has the largest z is nearest", () => {
  const { xy, depth } = seen(FRONT);
  close(xy, flat);
  close(depth, z);
});

test("a drag to the right brings what is in front to the right, a drag down brings it down", () => {
  close(seen(spun(FRONT, Math.PI / 2, 0)).xy.slice(4), [1, 0]);
  close(seen(spun(FRONT, 0, Math.PI / 2)).xy.slice(4), [0, -1]);
});

test("turns keep distances, one after another about the page's axes", () => {
  const turn = spun(spun(FRONT, 0.7, -0.4), -1.3, 2.1);
  for (let i = 0; i < 3; i++)
    for (let j = 0; j < 3; j++) {
      const dot = [0, 1, 2].reduce((sum, k) => sum + turn[3 * i + k] * turn[3 * j + k], 0);
      assert.ok(Math.abs(dot - (i === j)) < 1e-9);
    }
  const there = spun(spun(FRONT, 0.7, 0), 0.3, 0);
  close(there, spun(FRONT, 1, 0));
});

test("the round view holds every point however the cloud is turned", () => {
  const wide = Float32Array.from([-3, 1, 5, 2, 0, -7]), deep = Float32Array.from([4, -2, 9]);
  const { middle, reach, view } = roundView(wide, deep, 300, 200);
  for (let k = 0; k < 20; k++) {
    const xy = new Float32Array(6), depth = new Float32Array(3);
    turnedTo(spun(FRONT, k, 2 * k), wide, deep, middle, xy, depth);
    assert.ok(xy.every((v) => Math.abs(v) <= view.half));
    assert.ok(depth.every((v) => Math.abs(v) <= reach + 1e-5));
  }
  assert.ok(roundView(new Float32Array(4), new Float32Array(2), 10, 10).view.half > 0, "all points equal");
});

test("points are drawn from the farthest to the nearest, those in front in the nearest band", () => {
  const depth = Float32Array.from([0.9, -0.9, 0, 0.5, -0.2]), codes = Uint16Array.from([0, 1, 1, 0, 1]);
  const { order, codes: told } = outToIn(depth, 1, codes, 2);
  assert.deepEqual([...order], [1, 4, 2, 3, 0]);
  assert.deepEqual([...told].map((code) => code % 2), [...codes]);
  assert.deepEqual([...told].map((code) => code >> 1), [3, 0, 2, 3, 1]);
});

test("what is hidden stays hidden in every band, and what is near is opaque", () => {
  const { colours, stamps } = banded([0xff0000ff, 0], [1, 2], () => [[[0, 0, 255]], [[0, 0, 255]]]);
  assert.equal(colours.length, 8);
  assert.equal(stamps.length, 8);
  assert.deepEqual(colours.filter((_, i) => i % 2), [0, 0, 0, 0]);
  assert.equal(colours[6], 0xff0000ff);
  assert.ok(colours[0] >>> 24 < 0xff && colours[0] & 0xff);
});
