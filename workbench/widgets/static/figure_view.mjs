import { errorStrip, keepKeys, make } from "./kit.mjs";

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const NAMES = ["row", "column", "category", "series"];

/**
 * Collect the names of a region: `row` and `column` of a cell, `category` and `series` of a bar.
 * @param {SVGElement} region
 */
function collectNames(region) {
  return Object.fromEntries(NAMES.filter((name) => name in region.dataset).map((name) => [name, region.dataset[name]]));
}

/**
 * Find the region nearest to `from` in a direction; null at the edge.
 * @param {SVGElement[]} regions
 * @param {SVGElement} from
 * @param {number[]} step
 */
function findNeighbor(regions, from, [across, down]) {
  const center = (/** @type {Element} */ region) => {
    const box = region.getBoundingClientRect();
    return [box.left + box.width / 2, box.top + box.height / 2];
  };
  const [x, y] = center(from);
  /** @type {SVGElement | null} */
  let nearest = null;
  let least = Infinity;
  for (const region of regions) {
    const [toX, toY] = center(region);
    const ahead = (toX - x) * across + (toY - y) * down;
    const distance = ahead + 4 * Math.abs((toX - x) * down + (toY - y) * across);
    if (ahead > 1 && distance < least) [nearest, least] = [region, distance];
  }
  return nearest;
}

/** @param {import("./kit.mjs").Context} context */
function render({ model, el }) {
  el.classList.add("wb-widget", "wb-figure-view");
  const room = make("div", { class: "wb-drawn" }), hint = make("p", { class: "wb-quiet" });
  el.append(room, hint, errorStrip(model));
  /** @type {SVGElement[]} */
  let regions = [];

  const isSelected = (/** @type {SVGElement} */ region) => {
    const selected = Object.entries(model.get("selected"));
    return selected.length > 0 && selected.every(([name, text]) => region.dataset[name] === text);
  };

  const select = (/** @type {SVGElement} */ region) => {
    model.set("selected", isSelected(region) ? {} : collectNames(region));
    model.save_changes();
  };

  const mark = () => regions.forEach((region) => region.setAttribute("aria-pressed", String(isSelected(region))));

  const moveTo = (/** @type {SVGElement} */ region) => {
    regions.forEach((other) => other.setAttribute("tabindex", other === region ? "0" : "-1"));
    region.focus();
  };

  const pressed = (/** @type {KeyboardEvent} */ event) => {
    const region = regions.find((other) => other === event.target);
    if (!region) return;
    if (event.key === "Enter" || event.key === " ") select(region);
    else if (event.key in STEPS) {
      const next = findNeighbor(regions, region, STEPS[/** @type {keyof typeof STEPS} */ (event.key)]);
      if (next) moveTo(next);
    } else return;
    event.preventDefault();
  };

  const clicked = (/** @type {MouseEvent} */ event) => {
    const region = regions.find((other) => event.target instanceof Node && other.contains(event.target));
    if (region) select(region);
  };

  room.addEventListener("keydown", pressed);
  room.addEventListener("click", clicked);

  const show = () => {
    const svg = new DOMParser().parseFromString(model.get("svg"), "text/html").querySelector("svg");
    el.hidden = !svg;
    hint.textContent = model.get("hint");
    hint.hidden = !model.get("hint");
    room.replaceChildren(...(svg ? [document.importNode(svg, true)] : []));
    regions = model.get("hint") ? [...room.querySelectorAll(".wb-regions > rect")].map((region) => /** @type {SVGElement} */ (region)) : [];
    room.classList.toggle("wb-clickable", regions.length > 0);
    // the children of an image are not announced
    if (regions.length) room.querySelector("svg")?.setAttribute("role", "group");
    regions.forEach((region, index) => {
      region.setAttribute("role", "button");
      region.setAttribute("tabindex", index ? "-1" : "0");
      region.setAttribute("aria-label", region.textContent || Object.values(collectNames(region)).join(", "));
    });
    mark();
  };

  model.on("change:svg change:hint", show);
  model.on("change:selected", mark);
  show();
  return keepKeys(el);
}

export default { render };
