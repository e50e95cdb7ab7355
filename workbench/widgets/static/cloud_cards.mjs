import { make } from "./kit.mjs";
import { CLOUD_HEIGHT } from "./cloud_picture.mjs";

/**
 * Thumbnails of the points: under the pointer, opened with its neighbors, and selected.
 * Python sends them on request.
 */
export class CloudCards {
  /** Content of the panel: "open", "chosen", or empty. */
  panelShows = "";

  /**
   * @param {import("./kit.mjs").Model} model
   * @param {import("./cloud_picture.mjs").CloudPicture} picture
   * @param {() => void} clear clears the selection
   */
  constructor(model, picture, clear) {
    this.model = model;
    this.picture = picture;
    this.clear = clear;
    this.tip = make("div", { class: "wb-cloud-tip", hidden: true });
    this.panel = make("div", { class: "wb-cloud-panel", "aria-live": "polite" });
    model.on("msg:custom", (message, buffers) => this.heard(message, buffers));
  }

  /**
   * @param {number} row
   * @param {PointerEvent} [event]
   */
  hover(row, event) {
    if (event && row >= 0) this.placeTip(event);
    if (row === this.picture.hovered) return;
    this.ring(row);
    this.tip.hidden = true;
    this.picture.canvas.classList.toggle("wb-cloud-over-point", row >= 0);
    clearTimeout(this.asking);
    if (row >= 0) this.asking = setTimeout(() => this.model.send({ kind: "hover", row }), 40);
  }

  /** @param {number} row */
  ring(row) {
    this.picture.hovered = row;
    this.picture.overSoon();
  }

  /** @param {number} row */
  open(row) {
    this.picture.opened = row;
    this.model.send({ kind: "open", row });
    this.picture.overSoon();
  }

  /** @param {PointerEvent} event */
  placeTip(event) {
    const box = this.picture.canvas.getBoundingClientRect(), x = event.clientX - box.left, y = event.clientY - box.top;
    this.tip.style.left = x > box.width - 150 ? `${x - 140}px` : `${x + 14}px`;
    this.tip.style.top = `${Math.max(Math.min(y + 14, CLOUD_HEIGHT - 170), 0)}px`;
  }

  heard(message, buffers) {
    let at = 0;
    const cards = message.rows.map((row, i) => {
      const bytes = message.has[i] ? buffers[at++] : null;
      return this.card(row, message.words[i], bytes);
    });
    if (message.kind === "hover") {
      if (message.row !== this.picture.hovered) return;
      this.tip.replaceChildren(...cards);
      this.tip.hidden = false;
    } else if (message.kind === "open") this.showOpened(cards);
    else this.showChosen(cards, message.count);
  }

  /**
   * @param {number} row
   * @param {string[]} words
   * @param {BlobPart | null} bytes a JPEG
   */
  card(row, words, bytes) {
    const card = make("figure", { class: "wb-cloud-card", "data-row": row });
    if (bytes) {
      const address = URL.createObjectURL(new Blob([bytes], { type: "image/jpeg" }));
      card.append(make("img", { src: address, alt: words.join(", "), on: { load: () => URL.revokeObjectURL(address) } }));
    }
    card.append(make("figcaption", {}, words.map((line, i) => make("div", { class: i ? "wb-quiet" : "wb-strong", text: line }))));
    return card;
  }

  /** @param {HTMLElement} card */
  clickable(card) {
    const row = Number(card.dataset.row);
    return make("button", { type: "button", class: "wb-cloud-open", "aria-label": "its neighbors",
      on: { click: () => this.open(row), mouseenter: () => this.ring(row), mouseleave: () => this.ring(-1) } }, card);
  }

  /** @param {HTMLElement[]} cards */
  showOpened([first, ...near]) {
    this.panelShows = "open";
    first.classList.add("wb-cloud-large");
    this.panel.replaceChildren(make("div", { class: "wb-cloud-opened" }, first, make("div", {},
      make("h4", { class: "wb-answer", text: "Nearest neighbors in this stage" }), make("div", { class: "wb-cloud-cards" }, near.map((card) => this.clickable(card))))));
  }

  /**
   * @param {HTMLElement[]} cards
   * @param {number} count number of selected points
   */
  showChosen(cards, count) {
    this.panelShows = "chosen";
    if (!count) {
      this.panel.replaceChildren();
      return;
    }
    const words = `${count.toLocaleString("en")} selected${count > cards.length ? `, ${cards.length} of them here` : ""}; the next cell has them as .selected`;
    this.panel.replaceChildren(make("div", { class: "wb-bar" }, make("h4", { class: "wb-answer wb-grow", text: words }),
      make("button", { class: "wb-button", type: "button", text: "Clear", on: { click: () => this.clear() } })),
      make("div", { class: "wb-cloud-cards" }, cards.map((card) => this.clickable(card))));
  }

  /** Clear the panel if it showed a selection that was cleared. */
  forgetChosen() {
    if (this.panelShows === "chosen") this.panel.replaceChildren();
  }
}
