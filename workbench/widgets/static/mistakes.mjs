import { eachFrame, errorStrip, keepKeys, make } from "./kit.mjs";

/** @param {import("./kit.mjs").Context} context */
function render({ model, el }) {
  el.classList.add("wb-widget", "wb-mistakes");
  const title = make("h4", { class: "wb-answer" }), wall = make("div", { class: "wb-thumbs" });
  const busy = make("div", { class: "wb-quiet", role: "status" }), room = make("div", { class: "wb-mistake", "aria-live": "polite" });
  el.append(title, wall, busy, room, errorStrip(model));

  const open = (at) => {
    model.set("opened", model.get("opened") === at ? -1 : at);
    model.save_changes();
  };

  function picture(address, told) {
    return make("img", { src: address, alt: told, title: told });
  }

  function showCards() {
    title.textContent = model.get("title");
    title.hidden = !model.get("title");
    const clickable = model.get("clickable");
    wall.replaceChildren(...model.get("cards").map((card, at) => {
      const words = make("figcaption", {}, make("span", { class: "wb-strong", text: card.true }), ` → ${card.said}`,
        make("br"), make("span", { class: "wb-quiet", text: card.sure }));
      const figure = make("figure", {}, picture(card.picture, `${card.id}: ${card.true}, predicted as ${card.said}`), words);
      if (!clickable) return figure;
      return make("button", { type: "button", class: "wb-mistake-card", "aria-pressed": false,
        "aria-label": `${card.true}, predicted as ${card.said}, ${card.sure}: show its saliency maps`, on: { click: () => open(at) } }, figure);
    }));
    mark();
  }

  function mark() {
    [...wall.querySelectorAll("button")].forEach((button, at) => button.setAttribute("aria-pressed", String(at === model.get("opened"))));
  }

  function showOpened() {
    busy.textContent = model.get("busy");
    busy.hidden = !model.get("busy");
    mark();
    const { heading, cells = [], note } = model.get("detail");
    room.replaceChildren();
    if (!cells.length) return;
    room.append(
      make("h4", { class: "wb-answer", text: heading }),
      make("div", { class: "wb-thumbs wb-large" }, cells.map(({ picture: address, words }) =>
        make("figure", {}, picture(address, words.join(", ")),
          make("figcaption", {}, make("span", { class: "wb-strong", text: words[0] }), make("br"), make("span", { class: "wb-quiet", text: words[1] }))))),
      make("p", { class: "wb-quiet", text: note }));
    room.scrollIntoView({ block: "nearest" });
  }

  model.on("change:cards change:title change:clickable", eachFrame(showCards));
  model.on("change:detail change:busy change:opened", eachFrame(showOpened));
  showCards();
  showOpened();
  return keepKeys(el);
}

export default { render };
