// A map without tiles: grid, cameras with their fields of view, incidents; pan, wheel and buttons.
import { draw, make, tone } from "./core.js";

const METRES = 111195;

export class CityMap {
  constructor(root, options = {}) {
    this.root = root;
    this.options = options;
    this.layer = draw("g");
    this.svg = draw("svg", { role: "img", "aria-label": options.label || "" }, this.layer);
    this.scale = make("span", { class: "scale" });
    const zoom = make("div", { class: "zoom" },
      make("button", { type: "button", "aria-label": "+", onclick: () => this.zoom(1.5) }, "+"),
      make("button", { type: "button", "aria-label": "−", onclick: () => this.zoom(1 / 1.5) }, "−"));
    root.replaceChildren(this.svg, this.scale, zoom);
    this.svg.addEventListener("wheel", (event) => { event.preventDefault(); this.zoom(event.deltaY < 0 ? 1.2 : 1 / 1.2, event); }, { passive: false });
    this.svg.addEventListener("pointerdown", (event) => { this.drag = this.start = [event.clientX, event.clientY]; });
    if (options.pick) {
      this.svg.classList.add("pick");
      this.svg.addEventListener("click", (event) => this.pick(event));
    }
    this.svg.addEventListener("pointermove", (event) => this.pan(event));
    for (const name of ["pointerup", "pointerleave", "pointercancel"]) this.svg.addEventListener(name, () => { this.drag = null; });
    new ResizeObserver(() => this.place()).observe(root);
  }

  // content: {grid, cameras, incidents, spots}; lon/lat in degrees.
  show(content) {
    this.content = content;
    const points = [];
    for (const c of content.cameras || []) if (c.lon !== null) points.push([c.lon, c.lat], ...footprint(c));
    for (const i of content.incidents || []) if (i.place) points.push([i.place.lon, i.place.lat]);
    for (const s of [...(content.spots || []), ...(content.points || [])]) points.push([s.lon, s.lat]);
    if (!points.length) for (const ring of rings(content.grid)) points.push(...ring.points);
    this.empty = points.length === 0;
    if (this.empty) { this.layer.replaceChildren(); return; }
    if (!this.centre || !this.options.keep) this.fit(points);
    this.place();
  }

  fit(points) {
    const lons = points.map((p) => p[0]);
    const lats = points.map((p) => p[1]);
    this.centre = [(Math.min(...lons) + Math.max(...lons)) / 2, (Math.min(...lats) + Math.max(...lats)) / 2];
    const narrow = Math.cos((this.centre[1] * Math.PI) / 180);
    const wide = Math.max((Math.max(...lons) - Math.min(...lons)) * narrow, 0.0008);
    const high = Math.max(Math.max(...lats) - Math.min(...lats), 0.0008);
    const { clientWidth: w, clientHeight: h } = this.root;
    this.perDegree = 0.8 * Math.min((w || 300) / wide, (h || 200) / high);
  }

  at(lon, lat) {
    const narrow = Math.cos((this.centre[1] * Math.PI) / 180);
    return [this.root.clientWidth / 2 + (lon - this.centre[0]) * narrow * this.perDegree, this.root.clientHeight / 2 - (lat - this.centre[1]) * this.perDegree];
  }

  // A click that was no drag: its place, longitude first.
  pick(event) {
    const moved = this.start ? Math.hypot(event.clientX - this.start[0], event.clientY - this.start[1]) : 0;
    if (!this.centre || moved > 4) return;
    const box = this.svg.getBoundingClientRect();
    const narrow = Math.cos((this.centre[1] * Math.PI) / 180);
    this.options.pick([
      this.centre[0] + (event.clientX - box.left - box.width / 2) / this.perDegree / narrow,
      this.centre[1] - (event.clientY - box.top - box.height / 2) / this.perDegree,
    ]);
  }

  zoom(factor) {
    if (this.empty || !this.centre) return;
    this.perDegree = Math.min(Math.max(this.perDegree * factor, 500), 3e8);
    this.place();
  }

  pan(event) {
    if (!this.drag || !this.centre) return;
    const narrow = Math.cos((this.centre[1] * Math.PI) / 180);
    this.centre[0] -= (event.clientX - this.drag[0]) / this.perDegree / narrow;
    this.centre[1] += (event.clientY - this.drag[1]) / this.perDegree;
    this.drag = [event.clientX, event.clientY];
    this.place();
  }

  place() {
    if (!this.content || this.empty || !this.centre || !this.root.clientWidth) return;
    const made = [];
    const path = (points) => points.map((p, i) => `${i ? "L" : "M"}${this.at(...p).map((v) => v.toFixed(1)).join(" ")}`).join("") + "Z";
    for (const ring of rings(this.content.grid)) {
      made.push(draw("path", { class: "cell", d: path(ring.points) }));
    }
    for (const camera of this.content.cameras || []) {
      if (camera.lon === null) continue;
      const area = footprint(camera);
      if (area.length > 2) made.push(draw("path", { class: `fov ${tone(camera.state)}`, d: path(area) }));
    }
    for (const spot of this.content.spots || []) {
      const [x, y] = this.at(spot.lon, spot.lat);
      made.push(draw("circle", { class: "spot", cx: x, cy: y, r: Math.min(24, 4 + 2.5 * Math.sqrt(spot.total)) }, draw("title", {}, String(spot.total))));
    }
    for (const camera of this.content.cameras || []) {
      if (camera.lon === null) continue;
      const [x, y] = this.at(camera.lon, camera.lat);
      made.push(draw("circle", { class: `camera ${tone(camera.state)}`, cx: x, cy: y, r: 6 }, draw("title", {}, camera.name || camera.camera_id)));
      const late = x > this.root.clientWidth * 0.66;
      if (this.options.names) made.push(draw("text", { x: late ? x - 9 : x + 9, y: y + 4, "text-anchor": late ? "end" : "start" }, document.createTextNode(camera.name || camera.camera_id)));
    }
    for (const point of this.content.points || []) {
      const [x, y] = this.at(point.lon, point.lat);
      made.push(draw("circle", { class: point.picked ? "ground-point picked" : "ground-point", cx: x, cy: y, r: 5 }), draw("text", { x: x + 8, y: y + 4 }, document.createTextNode(point.name)));
    }
    for (const incident of this.content.incidents || []) {
      if (!incident.place) continue;
      const [x, y] = this.at(incident.place.lon, incident.place.lat);
      const sigma = incident.place.sigma_m;
      if (sigma && this.options.ellipses) made.push(draw("circle", { class: "ellipse", cx: x, cy: y, r: (2 * sigma * this.perDegree) / METRES }));
      const mark = draw("path", { class: `incident s${incident.severity}`, d: `M${x} ${y}l-7-12a8 8 0 1 1 14 0z` }, draw("title", {}, incident.label || ""));
      if (this.options.open) { mark.style.cursor = "pointer"; mark.addEventListener("click", () => this.options.open(incident)); }
      made.push(mark);
    }
    this.layer.replaceChildren(...made);
    const metres = nice((80 * METRES) / this.perDegree);
    this.scale.textContent = metres >= 1000 ? `${metres / 1000} km` : `${metres} m`;
    this.scale.style.width = `${(metres * this.perDegree) / METRES}px`;
  }
}

function nice(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([5, 2, 1].find((n) => n * power <= value) || 1) * power;
}

function* rings(grid) {
  for (const feature of grid?.features || []) {
    const shape = feature.geometry;
    const polygons = shape?.type === "Polygon" ? [shape.coordinates] : shape?.type === "MultiPolygon" ? shape.coordinates : [];
    for (const polygon of polygons) yield { points: polygon[0].map((p) => [p[0], p[1]]) };
  }
}

// What a camera sees: its calibrated footprint, else a sector from heading, width and range.
function footprint(camera) {
  if (camera.footprint?.length > 2) return camera.footprint;
  if (camera.heading_deg === null || camera.heading_deg === undefined) return [];
  const width = camera.fov_deg || 60;
  const range = (camera.range_m || 40) / METRES;
  const narrow = Math.cos((camera.lat * Math.PI) / 180);
  const points = [[camera.lon, camera.lat]];
  for (let i = 0; i <= 8; i++) {
    const bearing = ((camera.heading_deg - width / 2 + (width * i) / 8) * Math.PI) / 180;
    points.push([camera.lon + (range * Math.sin(bearing)) / narrow, camera.lat + range * Math.cos(bearing)]);
  }
  return points;
}
