import assert from "node:assert/strict";
import { test } from "node:test";
import {
  beginsRun, between, cellLabel, cellUnder, epochsOf, moved, painted, rampColour, times, wantsBlack,
} from "../../workbench/widgets/static/painting.mjs";

test("a quick drag skips no cell", () => {
  assert.deepEqual(between([0, 0], [0, 3]), [[0, 0], [0, 1], [0, 2], [0, 3]]);
  assert.deepEqual(between([2, 2], [2, 2]), [[2, 2]]);
  const way = between([5, 1], [1, 9]);
  assert.deepEqual([way[0], way.at(-1)], [[5, 1], [1, 9]]);
  for (let i = 1; i < way.length; i++)
    assert.ok(Math.abs(way[i][0] - way[i - 1][0]) <= 1 && Math.abs(way[i][1] - way[i - 1][1]) <= 1);
});

test("a point outside the grid belongs to its nearest cell", () => {
  const box = { left: 100, top: 50, width: 30, height: 26 };
  assert.deepEqual(cellUnder(100, 50, box, 4, 10), [0, 0]);
  assert.deepEqual(cellUnder(129.9, 76.1, box, 4, 10), [1, 0]);
  assert.deepEqual(cellUnder(-500, 5000, box, 4, 10), [3, 0]);
  assert.deepEqual(cellUnder(5000, -5, box, 4, 10), [0, 9]);
});

test("painting copies, leaves the rest, and changes nothing where nothing differs", () => {
  const grid = [[0, 0], [1, 1]];
  const after = painted(grid, [[0, 1]], 0.1);
  assert.deepEqual(after, [[0, 0.1], [1, 1]]);
  assert.deepEqual(grid, [[0, 0], [1, 1]]);
  assert.equal(painted(grid, [[1, 0], [9, 9]], 1), grid);
});

test("the ramp runs from dark and slow to bright and fast", () => {
  const light = [0.01, 0.03, 0.1, 0.3, 1, 3].map((rate) => rampColour(rate).reduce((a, b) => a + b));
  assert.deepEqual(light, [...light].sort((a, b) => a - b));
  assert.deepEqual(rampColour(1e-9), rampColour(0.01));
  assert.deepEqual(rampColour(100), [0xfe, 0xe8, 0x38]);
  assert.equal(wantsBlack(rampColour(3)), true);
  assert.equal(wantsBlack(rampColour(0.01)), false);
});

test("the head is on top: up leads to later stages, and past them to the epochs", () => {
  assert.deepEqual(moved([2, 1], "ArrowUp", false, 4, 10), [3, 1]);
  assert.deepEqual(moved([3, 1], "ArrowUp", false, 4, 10), [-1, 1]);
  assert.deepEqual(moved([-1, 1], "ArrowDown", false, 4, 10), [3, 1]);
  assert.deepEqual(moved([0, 1], "ArrowDown", false, 4, 10), [0, 1]);
  assert.deepEqual(moved([2, 0], "ArrowLeft", false, 4, 10), [2, -1]);
  assert.deepEqual(moved([2, 9], "ArrowRight", false, 4, 10), [2, 9]);
  assert.deepEqual(moved([2, 5], "End", true, 4, 10), [0, 9]);
  assert.equal(moved([2, 5], "a", false, 4, 10), null);
});

test("the corner above the stages is never entered", () => {
  for (const key of ["ArrowUp", "ArrowLeft", "Home"])
    for (const from of [[3, -1], [-1, 0]]) assert.notDeepEqual(moved(from, key, false, 4, 10), [-1, -1]);
});

test("columns name their epochs, each epoch once", () => {
  assert.equal(epochsOf(2, 10, 10).words, "epoch 3");
  assert.equal(epochsOf(0, 40, 100).words, "epochs 1 to 3");
  let next = 1;
  for (let column = 0; column < 40; column++) {
    const { first, last } = epochsOf(column, 40, 97);
    assert.equal(first, next);
    next = last + 1;
  }
  assert.equal(next, 98);
});

test("labels say stage, epoch and rate", () => {
  assert.equal(cellLabel("blocks.6", "epoch 3", 0.1), "blocks.6, epoch 3, 0.1 times");
  assert.equal(cellLabel("<b>", "epoch 1", 0), "<b>, epoch 1, frozen");
  assert.equal(times(0.343), "0.34");
});

test("a number stands where a run begins", () => {
  const row = [0, 0.1, 0.1, 1, 0];
  assert.deepEqual(row.map((_, i) => beginsRun(row, i)), [false, true, false, true, false]);
});
