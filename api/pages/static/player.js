// Plays a clip looped around its moment, with the box track drawn over it, never burnt in.
import { known, make, say } from "./core.js";

const BEFORE_S = 3;
const AFTER_S = 4;
const COLOURS = { person: "#ffd54a", bare_head: "#ff6e6e", helmet: "#69f0ae", garbage: "#ff9e40", overflowing_bin: "#ff9e40", stall: "#40c4ff", parasol: "#40c4ff", tricycle: "#40c4ff" };

export class Player {
  constructor(root) {
    this.root = root;
    this.boxesOn = true;
    this.loopOn = true;
    this.zoomed = false;
    this.speed = 1;
    this.videos = new Map();
    this.tracks = new Map();
    this.found = new Map();
    this.zoomer = make("div", { class: "zoomer" });
    this.canvas = make("canvas", { "aria-hidden": "true" });
    this.note = make("p", { hidden: true });
    this.screen = make("div", { class: "screen" }, this.zoomer, this.note);
    this.seek = make("input", { type: "range", min: 0, max: 1, step: 0.01, value: 0, "aria-label": say("player.seek"), oninput: () => this.jump(Number(this.seek.value)) });
    this.clock = make("output", {}, "0.0 / 0.0 s");
    this.kinds = make("span", { class: "kinds" });
    const button = (label, key, run, pressed) => make("button", { type: "button", title: `${label} (${key})`, "aria-label": label, "aria-pressed": pressed, onclick: run });
    this.playButton = button(say("player.play"), "Space", () => this.toggle());
    this.playButton.append("❚❚");
    const back = button(say("player.back"), ",", () => this.step(-1));
    back.append("◂");
    const forward = button(say("player.forward"), ".", () => this.step(1));
    forward.append("▸");
    this.loopButton = button(say("player.loop"), "L", () => this.setLoop(!this.loopOn), "true");
    this.loopButton.append("⟳");
    this.boxButton = button(say("player.boxes"), "B", () => this.setBoxes(!this.boxesOn), "true");
    this.boxButton.append("▢");
    this.zoomButton = button(say("player.zoom"), "Z", () => this.setZoom(!this.zoomed), "false");
    this.zoomButton.append("⊕");
    this.speedButton = button(say("player.speed"), "S", () => this.nextSpeed());
    this.speedButton.append("1×");
    this.speedButton.setAttribute("aria-label", `${say("player.speed")} 1×`);
    const controls = make("div", { class: "controls" }, this.playButton, back, forward, this.seek, this.clock, this.loopButton, this.boxButton, this.zoomButton, this.speedButton, this.kinds);
    root.append(this.screen, controls);
    new ResizeObserver(() => this.paint()).observe(this.screen);
  }

  // A video that is loading or loaded already, so that the next clip starts at once.
  prepare(incident) {
    const url = incident.files.clip_h264 || incident.files.clip;
    if (!url) return null;
    const key = incident.incident_id + url.split("?")[0];
    if (!this.videos.has(key)) {
      const video = make("video", { muted: true, playsinline: true, preload: "auto", "aria-label": say("player.clip") });
      video.muted = true;
      if (incident.files.snapshot) video.poster = incident.files.snapshot;
      video.src = url;
      this.videos.set(key, video);
      if (incident.files.boxes) this.wait(video, incident.files.boxes);
      while (this.videos.size > 5) {
        const [oldest, gone] = this.videos.entries().next().value;
        if (gone === this.video) { this.videos.delete(oldest); this.videos.set(oldest, gone); continue; }
        gone.removeAttribute("src");
        gone.load();
        this.videos.delete(oldest);
      }
    }
    return this.videos.get(key);
  }

  // Lets a clip that is not on the screen yet wait at its moment: its first frame is the right one.
  async wait(video, url) {
    const moment = momentOf(await this.loadTrack(url));
    const seek = () => { if (video !== this.video && moment !== null) video.currentTime = startOf(moment, video.duration); };
    if (video.readyState >= 1) seek();
    else video.addEventListener("loadedmetadata", seek, { once: true });
  }

  loadTrack(url) {
    const known = this.tracks.get(url);
    if (known) return known;
    const waiting = fetch(url, { credentials: "same-origin" }).then((answer) => (answer.ok ? answer.json() : null)).catch(() => null);
    waiting.then((track) => this.found.set(url, track));
    this.tracks.set(url, waiting);
    if (this.tracks.size > 12) {
      const oldest = this.tracks.keys().next().value;
      this.tracks.delete(oldest);
      this.found.delete(oldest);
    }
    return waiting;
  }

  show(incident, detail) {
    const changed = this.incident?.incident_id !== incident.incident_id;
    this.incident = incident;
    this.detail = detail || (changed ? null : this.detail);
    if (!changed) this.paint();
    const video = this.prepare(incident);
    this.showKinds();
    if (!changed && video === this.video) return;
    this.video?.pause();
    this.track = this.found.get(incident.files.boxes) || null;
    this.moment = momentOf(this.track);
    this.setZoom(false);
    if (incident.files.boxes && !this.track) this.useTrack(incident);
    if (video) this.showVideo(video);
    else this.showPicture(incident.files.snapshot, incident.state === "open" ? "player.waiting" : "player.none");
  }

  async useTrack(incident) {
    const track = await this.loadTrack(incident.files.boxes);
    if (this.incident?.incident_id === incident.incident_id) {
      this.track = track;
      this.moment = momentOf(track);
      if (this.video && this.video.currentTime < this.from) this.video.currentTime = this.from;
      this.paint();
    }
  }

  get from() { return this.loopOn && this.moment !== null ? startOf(this.moment, this.length) : 0; }
  get to() { return this.loopOn && this.moment !== null ? Math.min(this.length, Math.max(this.moment, 0) + AFTER_S) : this.length; }
  get length() { return Number.isFinite(this.video?.duration) ? this.video.duration : 0; }

  showVideo(video) {
    this.video = video;
    this.note.hidden = true;
    this.zoomer.replaceChildren(video, this.canvas);
    video.playbackRate = this.speed;
    video.onloadedmetadata = () => this.start();
    video.onerror = () => { if (video === this.video) this.showPicture(this.incident.files.snapshot, "player.unplayable"); };
    video.onended = () => this.start();
    this.follow(video);
    video.onpause = video.onplay = () => { this.playButton.firstChild.data = video.paused ? "▶" : "❚❚"; };
    if (video.readyState >= 1) this.start();
    if (video.error) video.onerror();
  }

  // Paints once per shown picture and not more often: an old desk computer has other work.
  follow(video) {
    const painted = () => {
      if (video !== this.video) return;
      this.paint();
      video.requestVideoFrameCallback(painted);
    };
    if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(painted);
    else video.ontimeupdate = () => this.paint();
    video.onseeked = () => this.paint();
  }

  start() {
    if (Math.abs(this.video.currentTime - this.from) > 0.05) this.video.currentTime = this.from;
    this.video.playbackRate = this.speed;
    this.video.play().catch(() => {});
  }

  showPicture(url, word) {
    this.video = null;
    const picture = url ? [make("img", { src: url, alt: say("player.snapshot"), onload: () => this.paint() })] : [];
    this.zoomer.replaceChildren(...picture, this.canvas);
    this.paint();
    this.note.hidden = Boolean(url) && word !== "player.unplayable";
    this.note.textContent = say(word);
  }

  // Other pictures of the evidence: before, after, the act.
  showKinds() {
    const files = this.detail?.evidence || [];
    const kinds = files.filter((file) => ["before", "act", "snapshot", "close", "after"].includes(file.kind));
    const played = (file) => files.find((other) => other.kind === file.kind + "_h264") || file;
    const clip = this.incident.files.clip_h264 || this.incident.files.clip;
    const buttons = kinds.map((file) => make("button", { type: "button", onclick: () => this.showFile(played(file)) }, say("player." + file.kind)));
    if (clip && kinds.length) buttons.unshift(make("button", { type: "button", onclick: () => this.showVideo(this.prepare(this.incident)) }, say("player.clip")));
    this.kinds.replaceChildren(...buttons);
  }

  showFile(file) {
    if (file.media_type.startsWith("video/")) {
      const video = make("video", { muted: true, playsinline: true, loop: true });
      video.muted = true;
      video.src = file.url;
      this.video?.pause();
      this.moment = null;
      this.showVideo(video);
    } else {
      this.video?.pause();
      this.showPicture(file.url, "player.none");
    }
  }

  toggle() {
    if (!this.video) return;
    if (this.video.paused) this.video.play().catch(() => {});
    else this.video.pause();
  }

  step(direction) {
    if (!this.video) return;
    this.video.pause();
    this.jump(this.video.currentTime + direction / 25);
  }

  jump(seconds) {
    if (this.video) this.video.currentTime = Math.max(0, Math.min(this.length, seconds));
  }

  setBoxes(on) { this.boxesOn = on; this.boxButton.setAttribute("aria-pressed", on); this.paint(); }
  setLoop(on) { this.loopOn = on; this.loopButton.setAttribute("aria-pressed", on); }

  setZoom(on) {
    this.zoomed = on;
    this.zoomButton.setAttribute("aria-pressed", on);
    const box = this.detail?.sightings?.[0]?.xyxy_norm;
    const x = box ? ((box[0] + box[2]) / 2) * 100 : 50;
    const y = box ? ((box[1] + box[3]) / 2) * 100 : 50;
    this.zoomer.style.transformOrigin = `${x}% ${y}%`;
    this.zoomer.style.transform = on ? "scale(2.5)" : "";
  }

  nextSpeed() {
    this.speed = { 1: 2, 2: 4, 4: 0.5, 0.5: 1 }[this.speed];
    this.speedButton.firstChild.data = `${this.speed}×`;
    this.speedButton.setAttribute("aria-label", `${say("player.speed")} ${this.speed}×`);
    if (this.video) this.video.playbackRate = this.speed;
  }

  paint() {
    const video = this.video;
    if (video && this.loopOn && this.length && this.moment !== null && !video.paused && video.currentTime >= this.to - 0.02) video.currentTime = this.from;
    if (video && this.length) {
      this.seek.max = this.length;
      if (document.activeElement !== this.seek || !video.paused) this.seek.value = video.currentTime;
      this.clock.textContent = `${video.currentTime.toFixed(1)} / ${this.length.toFixed(1)} s`;
    }
    const picture = video || this.zoomer.querySelector("img");
    const width = picture?.videoWidth || picture?.naturalWidth || 0;
    const height = picture?.videoHeight || picture?.naturalHeight || 0;
    const context = this.canvas.getContext("2d");
    const ratio = devicePixelRatio || 1;
    const w = Math.round(this.screen.clientWidth * ratio);
    const h = Math.round(this.screen.clientHeight * ratio);
    if (this.canvas.width !== w || this.canvas.height !== h) { this.canvas.width = w; this.canvas.height = h; }
    context.clearRect(0, 0, w, h);
    if (!this.boxesOn || !width || !w) return;
    const scale = Math.min(w / width, h / height);
    const left = (w - width * scale) / 2;
    const top = (h - height * scale) / 2;
    const at = (x, y) => [left + x * width * scale, top + y * height * scale];
    this.paintZone(context, at, ratio);
    const boxes = video && this.track ? this.boxesAt(video.currentTime) : this.sightingBoxes();
    for (const box of boxes) paintBox(context, box, at, ratio);
  }

  sightingBoxes() {
    return (this.detail?.sightings || []).slice(0, 1).map((s) => ({ xyxy_norm: s.xyxy_norm, label: "", confidence: 0, claim: true }));
  }

  boxesAt(seconds) {
    const frames = this.track.frames;
    let low = 0;
    let high = frames.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (frames[middle].t_s <= seconds + 0.02) low = middle + 1;
      else high = middle;
    }
    const frame = frames[low - 1];
    if (!frame || seconds - frame.t_s > (this.track.hold_s || 1)) return [];
    return frame.boxes;
  }

  paintZone(context, at, ratio) {
    const polygon = this.track?.zone?.polygon_norm || this.detail?.zone?.polygon;
    if (!polygon?.length) return;
    context.beginPath();
    polygon.forEach(([x, y], i) => (i ? context.lineTo(...at(x, y)) : context.moveTo(...at(x, y))));
    context.closePath();
    context.fillStyle = "#3fa9ff1c";
    context.fill();
    context.strokeStyle = "#3fa9ffb0";
    context.lineWidth = 1.5 * ratio;
    context.setLineDash([6 * ratio, 5 * ratio]);
    context.stroke();
    context.setLineDash([]);
  }
}

// Where in its clip a track was confirmed, else where it begins; null when there is nothing.
function momentOf(track) {
  const mark = track?.marks?.find((m) => m.name === "confirmed") || track?.marks?.[0];
  return mark?.t_s ?? track?.frames?.[0]?.t_s ?? null;
}

const startOf = (moment, length) => Math.max(0, Math.min(moment, length) - BEFORE_S);

function paintBox(context, box, at, ratio) {
  const [x1, y1] = at(box.xyxy_norm[0], box.xyxy_norm[1]);
  const [x2, y2] = at(box.xyxy_norm[2], box.xyxy_norm[3]);
  const colour = box.claim ? "#ff6e6e" : COLOURS[box.label] || "#b0bec5";
  context.strokeStyle = "#000a";
  context.lineWidth = 4 * ratio;
  context.strokeRect(x1, y1, x2 - x1, y2 - y1);
  context.strokeStyle = colour;
  context.lineWidth = 2 * ratio;
  context.strokeRect(x1, y1, x2 - x1, y2 - y1);
  if (!box.label) return;
  const name = known("label." + box.label) ? say("label." + box.label) : box.label;
  const text = `${name} ${Math.round(box.confidence * 100)}%`;
  context.font = `${12 * ratio}px system-ui, sans-serif`;
  const wide = context.measureText(text).width + 8 * ratio;
  const above = y1 > 18 * ratio ? y1 - 17 * ratio : y1;
  context.fillStyle = colour;
  context.fillRect(x1 - ratio, above, wide, 17 * ratio);
  context.fillStyle = "#000";
  context.fillText(text, x1 + 3 * ratio, above + 12.5 * ratio);
}

export { paintBox };
