import assert from "node:assert/strict";
import { test } from "node:test";
import { axis, bounds, fits, inView, nearest, ordered, ticks, upright } from "../../workbench/widgets/static/scatter.mjs";

test("a logarithmic axis puts equal ratios at equal ways", () => {
  const x = axis(1e6, 1e8, 0, 200, true);
  assert.equal(Math.round(x(1e7)), 100);
  const y = axis(0, 10, 100, 0, false);
  assert.equal(y(2.5), 75);
});

test("bounds hold all values and are never empty", () => {
  const [low, high] = bounds([3e6, 3e6], true);
  assert.ok(low < 3e6 && high > 3e6 && high / low > 9.9);
  assert.deepEqual(bounds([], false), [0, 1]);
});

test("ticks are round and inside", () => {
  assert.deepEqual(ticks([1e6, 3e7], true), [1e6, 3e6, 1e7, 3e7]);
  assert.deepEqual(ticks([60, 90], false), [60, 65, 70, 75, 80, 85, 90]);
  assert.deepEqual(ticks([1e4, 1e10], true).map((v) => Math.log10(v)), [4, 5, 6, 7, 8, 9, 10]);
});

test("the nearest point within reach", () => {
  const points = [{ x: 0, y: 0 }, { x: 10, y: 0 }, { x: 10, y: 0 }];
  assert.equal(nearest(points, 9, 1, 5), 2);
  assert.equal(nearest(points, 100, 100, 12), -1);
});

test("accuracy is shown where a fair part of the nets has it, or when asked for", () => {
  assert.equal(upright(60, 2067), "gmacs");
  assert.equal(upright(10, 16), "top1");
  assert.equal(upright(0, 0), "gmacs");
  assert.equal(upright(60, 2067, "top1"), "top1");
});

test("missing values come last in both directions, ties stay", () => {
  const values = [3, null, 1, 3];
  assert.deepEqual(ordered([0, 1, 2, 3], values, false), [2, 0, 3, 1]);
  assert.deepEqual(ordered([0, 1, 2, 3], values, true), [0, 3, 2, 1]);
  assert.deepEqual(ordered([0, 1], ["resnet101", "resnet18"], false), [1, 0]);
});

test("only the rows in view are drawn", () => {
  assert.deepEqual(inView(0, 280, 28, 2000), [0, 16]);
  assert.deepEqual(inView(28000, 280, 28, 2000), [994, 1016]);
  assert.deepEqual(inView(0, 280, 28, 3), [0, 3]);
});

test("fits, tight, too big", () => {
  assert.deepEqual([4, 10, 20, null].map((need) => fits(need, 16)), ["fits", "tight", "too big", ""]);
});
