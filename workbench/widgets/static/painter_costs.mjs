import { make } from "./kit.mjs";

/** Most rows of the table; of more phases, the first ones and the last. */
const MOST_PHASES = 8;

/**
 * @typedef {object} Costs
 * @property {string} moving
 * @property {string} [memory]
 * @property {string} [time]
 * @property {string} [warning]
 * @property {string} [busy]
 * @property {string} [note]
 * @property {[number, number][]} epochs first and last epoch of each phase
 * @property {string[]} weights that move in each phase
 * @property {[string, string][] | null} [each] memory and time in each phase
 */

/**
 * Show the cost of a painted tuning: figures, remarks, and one row per phase with the same moving weights.
 * @param {Costs} costs
 * @returns {HTMLElement[]}
 */
export function costTable(costs) {
  const fact = (/** @type {string} */ name, /** @type {string | undefined} */ words) =>
    (words ? [make("div", { class: "wb-quiet", text: name }), make("div", { text: words })] : []);
  const remark = (/** @type {string} */ kind, /** @type {string | undefined} */ text) => (text ? [make("div", { class: kind, text })] : []);
  return [
    make("div", { class: "wb-facts" }, fact("moving", costs.moving), fact("memory", costs.memory), fact("time", costs.time)),
    ...remark("wb-warning", costs.warning),
    ...remark("wb-quiet", costs.busy && `${costs.busy} …`),
    ...remark("wb-quiet", costs.note),
    ...phaseTable(costs),
  ];
}

/** @param {Costs} costs */
function phaseTable({ epochs, weights, each }) {
  const number = epochs.length;
  if (number < 2) return [];
  const kept = number <= MOST_PHASES ? epochs.map((_, i) => i) : [...Array(MOST_PHASES - 2).keys(), -1, number - 1];
  const cell = (/** @type {string | undefined} */ text, kind = "wb-number") => make("td", { class: kind, text: text ?? "–" });
  const rows = kept.map((i) => (i === -1
    ? make("tr", {}, make("td", { class: "wb-quiet", colspan: 4, text: `… ${number - MOST_PHASES + 1} more` }))
    : make("tr", {}, cell(epochWords(epochs[i]), ""), cell(weights[i]), cell(each?.[i]?.[0]), cell(each?.[i]?.[1]))));
  const head = ["epochs", "moving", "memory", "per epoch"].map((text, i) => make("th", { scope: "col", class: i ? "wb-number" : "", text }));
  return [make("table", { class: "wb-phases" }, make("thead", {}, make("tr", {}, head)), make("tbody", {}, rows))];
}

/** @param {[number, number]} epochs */
function epochWords([first, last]) {
  return first === last ? String(first) : `${first}–${last}`;
}
