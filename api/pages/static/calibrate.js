// Ground points: a click on the still and a click on the map make a pair; the server fits them,
// and its grid of metres over the still shows at once whether the ground lies where it should.
import { call, data, draw, failed, make, say } from "./core.js";
import { CityMap } from "./map.js";

export class Calibrator {
  // changed() is called when the points are not those that were opened.
  constructor(root, changed) {
    this.changed = changed;
    this.points = [];
    this.picked = -1;
    this.result = null;
    this.map = null;
    this.rows = [];
    this.list = make("ol", { class: "points" });
    this.told = make("p", { class: "muted", role: "status" });
    this.place = make("div", { class: "map" });
    root.replaceChildren(make("p", { class: "muted" }, say("ground.how")), this.place, this.told, this.list);
  }

  open(calibration, size, camera, writer) {
    this.size = calibration?.image_size || size;
    this.kept = calibration || {};
    this.writer = writer;
    this.camera = camera;
    this.points = (calibration?.points || []).map((p) => ({ x: p.px[0] / this.size[0], y: p.px[1] / this.size[1], lonlat: [...p.lonlat] }));
    this.picked = -1;
    this.result = null;
    this.rows = [];
    this.render();
    this.check();
  }

  // The points as a site file writes them; null when there are none.
  value() {
    if (!this.points.length) return null;
    const points = this.points.filter((p) => p.lonlat).map((p) => ({ px: [Math.round(p.x * this.size[0] * 10) / 10, Math.round(p.y * this.size[1] * 10) / 10], lonlat: p.lonlat }));
    return { ...this.kept, image_size: this.size, points };
  }

  add([x, y]) {
    if (!this.writer) return;
    const open = this.points[this.picked];
    if (open && !open.lonlat) Object.assign(open, { x, y });
    else this.picked = this.points.push({ x, y, lonlat: null }) - 1;
    this.edited();
  }

  move(i, [x, y]) {
    Object.assign(this.points[i], { x, y });
    this.edited();
  }

  pickMap(lonlat) {
    const point = this.points[this.picked];
    if (!point || !this.writer) return;
    point.lonlat = lonlat.map((value) => Math.round(value * 1e7) / 1e7);
    this.edited();
  }

  edited() {
    this.render();
    this.changed();
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.check(), 250);
  }

  async check() {
    const wanted = this.value();
    const path = this.base?.();
    if (!path || !this.writer || !wanted || wanted.points.length < 4) { this.result = null; this.render(); return; }
    try {
      const found = await call("POST", path + "/calibration/check", { calibration: wanted });
      if (path === this.base()) this.result = found;
    } catch (error) { failed(error); }
    this.render();
  }

  // Lines and points over the still, in 0..1 of it.
  shapes() {
    const path = (line) => line.map(([x, y], i) => `${i ? "L" : "M"}${x} ${y}`).join("");
    return (this.result?.grid || []).map((line) => draw("path", { class: "ground", d: path(line) }));
  }

  dots(grab) {
    return this.points.flatMap((point, i) => {
      const at = { cx: `${point.x * 100}%`, cy: `${point.y * 100}%` };
      const error = this.errorOf(i);
      const dot = draw("circle", { class: `corner ground-point${i === this.picked ? " picked" : ""}${error && !error.used ? " bad" : ""}`, ...at, r: 8 });
      dot.style.pointerEvents = "auto";
      dot.addEventListener("pointerdown", (event) => { this.picked = i; this.render(); if (this.writer) grab(event, i); });
      const text = draw("text", { x: at.cx, y: at.cy, dx: 12, dy: 5 }, document.createTextNode(error ? `${i + 1} · ${error.error_m.toFixed(2)} m` : String(i + 1)));
      return [dot, text];
    });
  }

  // The server answers for the points that have a place, in their order.
  errorOf(i) {
    const at = this.points.slice(0, i).filter((p) => p.lonlat).length;
    return this.points[i].lonlat ? this.result?.points?.[at] : null;
  }

  render() {
    if (this.rows.length !== this.points.length) {
      this.rows = this.points.map((_, i) => this.row(i));
      this.list.replaceChildren(...this.rows.map((row) => row.element));
    }
    for (const row of this.rows) row.update();
    const found = this.result;
    if (!this.points.length) this.told.textContent = say("ground.none");
    else if (found?.problem) this.told.textContent = found.problem;
    else if (found) this.told.textContent = say("ground.fits", { rms: found.rms_m.toFixed(2), step: found.grid_step_m, height: found.height_m === null ? "–" : found.height_m.toFixed(1) });
    else this.told.textContent = say("ground.more", { n: Math.max(0, 4 - this.points.filter((p) => p.lonlat).length) });
    this.told.classList.toggle("problem", Boolean(found?.problem));
    this.showMap();
    this.redraw?.();
  }

  pick(i) {
    if (this.picked === i) return;
    this.picked = i;
    this.render();
  }

  // A row stays while its point does: somebody may be typing in it when the server answers.
  row(i) {
    const part = (at, word) => make("input", { type: "number", step: "any", "aria-label": `${word} ${i + 1}`, disabled: !this.writer, onfocus: () => this.pick(i), onchange: (event) => this.setPart(this.points[i], at, event.target.value) });
    const parts = [part(0, say("ground.lon")), part(1, say("ground.lat"))];
    const told = make("small");
    const drop = this.writer ? make("button", { type: "button", "aria-label": `${say("do.delete")} ${i + 1}`, onclick: () => { this.points.splice(i, 1); this.picked = -1; this.edited(); } }, "×") : null;
    const element = make("li", {}, make("strong", {}, String(i + 1)), make("span", { class: "pair" }, ...parts), drop, told);
    const update = () => {
      const point = this.points[i];
      const error = this.errorOf(i);
      element.classList.toggle("picked", i === this.picked);
      told.className = error && !error.used ? "problem" : "muted";
      told.textContent = error ? say(wordsOf(error), { error: error.error_m.toFixed(2), left: error.left_out_m?.toFixed(2) }) : "";
      parts.forEach((input, at) => { if (document.activeElement !== input) input.value = (point.lonlat || point.typed)?.[at] ?? ""; });
    };
    return { element, update };
  }

  // Two numbers make a place; the first one typed waits for the other.
  setPart(point, at, text) {
    const value = text === "" ? NaN : Number(text);
    if (!Number.isFinite(value)) return;
    const pair = point.lonlat || point.typed || [null, null];
    pair[at] = value;
    if (pair.includes(null)) { point.typed = pair; return; }
    point.lonlat = pair;
    this.edited();
  }

  showMap() {
    if (!this.place.clientWidth) return;
    this.map ??= new CityMap(this.place, { keep: true, names: true, label: say("ground.map"), pick: (lonlat) => this.pickMap(lonlat) });
    const placed = this.points.flatMap((p, i) => (p.lonlat ? [{ lon: p.lonlat[0], lat: p.lonlat[1], name: String(i + 1), picked: i === this.picked }] : []));
    const own = this.camera ? [{ ...this.camera, name: this.camera.name || this.camera.camera_id }] : [];
    const seen = this.result?.footprint?.length ? own.map((c) => ({ ...c, footprint: this.result.footprint, lon: this.result.stands?.[0] ?? c.lon, lat: this.result.stands?.[1] ?? c.lat })) : own;
    this.map.show({ grid: data.grid, cameras: seen.filter((c) => c.lon !== null && c.lon !== undefined), points: placed });
  }
}

// Four points fit exactly: only from five on do the others say anything about one.
function wordsOf(error) {
  if (!error.used) return "ground.unused";
  return error.left_out_m === null ? "ground.error_alone" : "ground.error";
}
