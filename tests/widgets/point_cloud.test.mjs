import assert from "node:assert/strict";
import { test } from "node:test";
import { cellsOf, dataAt, nearestTo, packed, plot, shuffled, stamp, under, wholeView, zoomed } from "../../workbench/widgets/static/point_cloud.mjs";

const random = (n) => Float32Array.from({ length: 2 * n }, (_, i) => Math.sin(i * 12.9898) * 43758.5453 % 1);

test("the whole view holds every point and zooming keeps the place under the pointer", () => {
  const xy = Float32Array.from([-3, 0, 5, 1]);
  const view = wholeView(xy, 200, 100);
  for (const [x, y] of [[-3, 0], [5, 1]]) {
    const scale = 100 / (2 * view.half), px = 100 + (x - view.x) * scale, py = 50 - (y - view.y) * scale;
    assert.ok(px > 0 && px < 200 && py > 0 && py < 100);
    assert.deepEqual(dataAt(view, 200, 100, px, py).map((v) => Math.round(v * 1e6) / 1e6), [x, y]);
  }
  const near = zoomed(view, 200, 100, 30, 20, 4);
  assert.deepEqual(dataAt(near, 200, 100, 30, 20).map((v) => v.toFixed(6)), dataAt(view, 200, 100, 30, 20).map((v) => v.toFixed(6)));
  assert.equal(near.half, view.half / 4);
  assert.deepEqual(wholeView(new Float32Array(0), 1, 1), { x: 0, y: 0, half: 1 });
  assert.ok(wholeView(Float32Array.from([2, 2, 2, 2]), 10, 10).half > 0, "all points equal");
});

test("the nearest is that of looking at all, and none beyond reach", () => {
  const xy = random(3000), cells = cellsOf(xy);
  for (let k = 0; k < 60; k++) {
    const [x, y] = [Math.cos(k) * 0.9, Math.sin(3 * k) * 0.9];
    let best = -1, least = Infinity;
    for (let i = 0; i < 3000; i++) {
      const far = (xy[2 * i] - x) ** 2 + (xy[2 * i + 1] - y) ** 2;
      if (far < least) { least = far; best = i; }
    }
    assert.equal(nearestTo(xy, cells, x, y, 0.3), best);
    assert.equal(nearestTo(xy, cells, x, y, Math.sqrt(least) * 0.99), -1);
    assert.notEqual(nearestTo(xy, cells, x, y, 0.3, (i) => i !== best), best);
  }
  const same = Float32Array.from([1, 1, 1, 1]);
  assert.ok(nearestTo(same, cellsOf(same), 1, 1, 0.1) >= 0);
});

test("points are drawn where they are, in their colour, and what has none is left out", () => {
  const pixels = new Uint32Array(100), view = { x: 0, y: 0, half: 5 };
  const colours = [packed("#ff0000"), 0], stamps = [stamp(0, 1), stamp(0, 1)];
  plot(pixels, 10, 10, view, Float32Array.from([2, 3, -2, -3]), Uint8Array.from([0, 1]), colours, stamps, null, 0, 2);
  assert.equal(pixels[2 * 10 + 7], 0xff0000ff);
  assert.equal(pixels[8 * 10 + 3], 0);
});

test("a lasso holds what is under its mask", () => {
  const mask = new Uint8Array(100);
  mask[2 * 10 + 7] = 255;
  const xy = Float32Array.from([2, 3, -2, -3, 50, 50]);
  assert.deepEqual([...under(mask, 10, 10, { x: 0, y: 0, half: 5 }, xy)], [0]);
  assert.deepEqual([...under(mask, 10, 10, { x: 0, y: 0, half: 5 }, xy, () => false)], []);
});

test("an order has every point once", () => {
  const order = shuffled(1000);
  assert.deepEqual([...order].sort((a, b) => a - b), Array.from({ length: 1000 }, (_, i) => i));
  const early = order.slice(0, 200).filter((i) => i < 500).length;
  assert.ok(early > 70 && early < 130);
});

test("shapes differ and are about as large", () => {
  const sizes = [0, 1, 2, 3].map((shape) => stamp(shape, 4).length);
  assert.ok(Math.max(...sizes) < 2 * Math.min(...sizes));
});
