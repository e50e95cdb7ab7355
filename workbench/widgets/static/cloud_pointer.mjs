/** @typedef {import("./cloud_picture.mjs").CloudPicture} Picture */

const HALF_TURN = 400, NOTCH = Math.PI / 18;

/**
 * Pointer and keys on the canvas: the wheel and the keys move the view, a drag moves or rotates it, a lasso selects.
 * It calls `hover(row, event)`, `open(row)`, `pick(rows)` and `lassoed(on)`.
 */
export class CloudPointer {
  /** @type {{ x: number, y: number, view: import("./point_cloud.mjs").View, turn: number[], moved: boolean } | null} */
  pressed = null;
  lassoing = false;

  /**
   * @param {Picture} picture
   * @param {{
   *   hover: (row: number, event?: PointerEvent) => void, open: (row: number) => void,
   *   pick: (rows: Uint32Array<ArrayBuffer>) => void, lassoed: (on: boolean) => void,
   * }} answers
   */
  constructor(picture, answers) {
    this.picture = picture;
    this.answers = answers;
    const { canvas } = picture;
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerup", (event) => this.up(event));
    canvas.addEventListener("pointerleave", () => answers.hover(-1));
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("dblclick", () => picture.showAll());
  }

  /**
   * Pixel under an event.
   * @param {MouseEvent} event
   * @returns {[number, number]}
   */
  at(event) {
    const box = this.picture.canvas.getBoundingClientRect(), { ratio } = this.picture;
    return [(event.clientX - box.left) * ratio, (event.clientY - box.top) * ratio];
  }

  /** @param {WheelEvent} event */
  wheel(event) {
    if (!this.picture.ready || !(event.ctrlKey || document.activeElement === this.picture.canvas)) return;
    event.preventDefault();
    this.picture.zoom(...this.at(event), Math.exp(-Math.max(-60, Math.min(60, event.deltaY)) * 0.005));
  }

  /** @param {PointerEvent} event */
  down(event) {
    const { picture } = this;
    if (!picture.ready || !picture.view || event.button !== 0) return;
    picture.canvas.focus({ preventScroll: true });
    picture.canvas.setPointerCapture(event.pointerId);
    const [x, y] = this.at(event);
    this.pressed = { x, y, view: picture.view, turn: picture.turn, moved: false };
    if (this.lassoing || event.shiftKey) picture.path = [[x, y]];
    this.answers.hover(-1);
  }

  /** @param {PointerEvent} event */
  move(event) {
    const { picture, pressed } = this;
    if (!picture.ready) return;
    const [x, y] = this.at(event);
    if (!pressed) {
      this.answers.hover(picture.rowAt(x, y), event);
      return;
    }
    pressed.moved ||= Math.hypot(x - pressed.x, y - pressed.y) > 3 * picture.ratio;
    if (picture.path) {
      picture.path.push([x, y]);
      picture.overSoon();
    } else if (pressed.moved && picture.deep) {
      const turned = Math.PI / (HALF_TURN * picture.ratio);
      picture.spin(pressed.turn, (x - pressed.x) * turned, (y - pressed.y) * turned);
    } else if (pressed.moved) {
      const scale = picture.height / (2 * pressed.view.half);
      picture.view = { ...pressed.view, x: pressed.view.x - (x - pressed.x) / scale, y: pressed.view.y + (y - pressed.y) / scale };
      picture.moveSoon();
    }
  }

  /** @param {PointerEvent} event */
  up(event) {
    const { picture, pressed } = this, { path } = picture;
    this.pressed = picture.path = null;
    if (!pressed) return;
    if (path && pressed.moved) {
      this.answers.pick(picture.rowsInside(path));
      this.lasso(false);
    } else if (!pressed.moved) {
      const row = picture.rowAt(...this.at(event));
      if (row >= 0) this.answers.open(row);
    }
    picture.overSoon();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const { picture } = this, { view } = picture;
    if (!picture.ready || !view) return;
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    const zoom = { "+": 1.3, "=": 1.3, "-": 1 / 1.3 }[event.key];
    if (way && picture.deep) picture.spin(picture.turn, way[0] * NOTCH, -way[1] * NOTCH);
    else if (way) picture.view = { ...view, x: view.x + (way[0] * view.half) / 6, y: view.y + (way[1] * view.half) / 6 };
    else if (zoom) picture.zoom(picture.width / 2, picture.height / 2, zoom);
    else if (event.key === "0") picture.showAll();
    else if (event.key === "Escape") this.answers.pick(new Uint32Array(0));
    else return;
    event.preventDefault();
    event.stopPropagation();
    picture.drawSoon();
  }

  /**
   * Turn lasso mode on or off.
   * @param {boolean} on
   */
  lasso(on) {
    this.lassoing = on;
    this.picture.canvas.classList.toggle("wb-cloud-lassoing", on);
    this.answers.lassoed(on);
  }
}
