// Shared by all pages: words, calls, live events, toasts, theme and language.
export const data = JSON.parse(document.getElementById("page-data").textContent);
const words = JSON.parse(document.getElementById("words").textContent);
const locale = data.language === "zh" ? "zh-CN" : "en-GB";

export function say(key, values = {}) {
  const text = words[key];
  if (text === undefined) return key;
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "–");
}

export const known = (key) => words[key] !== undefined;
export const may = (scope) => Boolean(data.me && data.me.scopes.includes(scope));

// Elements are made from text only: nothing that a camera or a person is called can become markup.
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";
export function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

export class Refusal extends Error {
  constructor(status, body) {
    super(body.detail || body.title || String(status));
    this.status = status;
    this.body = body;
  }
}

export async function call(method, path, body, headers = {}) {
  const all = { Accept: "application/json", ...headers };
  if (body !== undefined) all["Content-Type"] = "application/json";
  if (method !== "GET" && data.me) all["X-CSRF-Token"] = data.me.csrf;
  const options = { method, headers: all, credentials: "same-origin", signal: AbortSignal.timeout(20000) };
  if (body !== undefined) options.body = JSON.stringify(body);
  const answer = await fetch(path, options);
  if (answer.status === 401) signedOut();
  const isJson = (answer.headers.get("content-type") || "").includes("json");
  const found = isJson ? await answer.json() : {};
  if (!answer.ok) throw new Refusal(answer.status, found);
  return found;
}

export const get = (path) => call("GET", path);

let leaving = false;
export const isLeaving = () => leaving;
export function signedOut() {
  if (leaving) return;
  leaving = true;
  location.assign("/signin?next=" + encodeURIComponent(location.pathname + location.search));
}

export function toast(text, options = {}) {
  const box = make("div", { class: options.bad ? "toast bad" : "toast" }, make("span", {}, text));
  if (options.action) {
    box.append(make("button", { type: "button", onclick: () => { box.remove(); options.action.run(); } }, options.action.label));
  }
  document.getElementById("toasts").append(box);
  const timer = setTimeout(() => box.remove(), options.ms || 5000);
  return () => { clearTimeout(timer); box.remove(); };
}

export function failed(error) {
  if (error instanceof Refusal) toast(say("done.failed", { detail: error.message }), { bad: true });
  else toast(say("done.offline"), { bad: true });
}

// Live events: EventSource resumes by itself with Last-Event-ID.
export function listen(handlers) {
  const light = document.getElementById("link");
  const source = new EventSource("/api/v1/events");
  const show = (lost) => {
    light.hidden = false;
    light.classList.toggle("lost", lost);
    light.textContent = say(lost ? "live.lost" : "live.connected");
  };
  source.addEventListener("hello", () => show(false));
  source.addEventListener("error", () => {
    show(true);
    if (source.readyState === EventSource.CLOSED) setTimeout(() => checkSession(source, handlers), 3000);
  });
  source.addEventListener("signed_out", () => { source.close(); signedOut(); });
  for (const [name, handler] of Object.entries(handlers)) {
    source.addEventListener(name, (event) => handler(JSON.parse(event.data)));
  }
  return source;
}

async function checkSession(source, handlers) {
  try {
    await get("/api/v1/me");
    listen(handlers);
    handlers.reset?.({});
  } catch (error) {
    if (!(error instanceof Refusal)) setTimeout(() => checkSession(source, handlers), 3000);
  }
}

export function when(text, seconds = false) {
  const shape = { month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", timeZone: data.timezone, hour12: false };
  if (seconds) shape.second = "2-digit";
  return new Intl.DateTimeFormat(locale, shape).format(new Date(text));
}

export function lasting(seconds) {
  if (seconds < 90) return say("time.s", { n: Math.max(0, Math.round(seconds)) });
  if (seconds < 5400) return say("time.min", { n: Math.round(seconds / 60) });
  if (seconds < 172800) return say("time.h", { n: Math.round(seconds / 3600) });
  return say("time.d", { n: Math.round(seconds / 86400) });
}

export const ago = (text) => say("time.ago", { n: lasting((Date.now() - new Date(text)) / 1000) });

// Camera states as the patrol writes them, as one of five tones.
const TONES = { ok: "up", by_hand: "starting", up: "up", time_jump: "up", codec_changed: "up", connecting: "starting", starting: "starting", no_keyframes: "degraded", wrong_view: "degraded", lost_preset: "degraded", never_still: "degraded", head_silent: "degraded", head_refused: "degraded", degraded: "degraded", ended: "unknown", unknown: "unknown" };
export const tone = (state) => TONES[state] || "down";
export const cameraState = (state) => (known("camera." + state) ? say("camera." + state) : state);

export function typeName(incident) {
  const name = say("type." + incident.type);
  const finer = incident.subtype ? "subtype." + incident.subtype : null;
  return finer ? `${name} · ${known(finer) ? say(finer) : incident.subtype}` : name;
}

export const uuid = () => crypto.randomUUID?.() ?? Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");

document.getElementById("theme")?.addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme === "dark" || (root.dataset.theme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
  root.dataset.theme = dark ? "light" : "dark";
  document.cookie = `theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=lax`;
});

document.getElementById("language")?.addEventListener("click", async (event) => {
  const language = event.currentTarget.dataset.language;
  document.cookie = `language=${language}; path=/; max-age=31536000; samesite=lax`;
  try {
    await call("PATCH", "/api/v1/me", { language });
    location.reload();
  } catch (error) { failed(error); }
});
