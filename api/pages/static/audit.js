// Searches the audit log and verifies its chain.
import { failed, get, listen, make, say, when } from "./core.js";

const $ = (id) => document.getElementById(id);
let before = null;

async function load(more = false) {
  const query = new URLSearchParams();
  for (const [name, value] of new FormData($("search"))) if (value.trim()) query.set(name, value.trim());
  if (more && before) query.set("before", before);
  try {
    const page = await get("/api/v1/audit?" + query);
    before = page.next_before;
    const rows = page.items.map((row) => make("tr", {}, make("td", { class: "number" }, String(row.seq)), make("td", {}, when(row.at, true)), make("td", {}, row.actor), make("td", {}, row.action), make("td", { class: "code" }, row.subject), make("td", { class: "code" }, Object.entries(row.detail).map(([key, value]) => `${key}: ${typeof value === "object" ? JSON.stringify(value) : value}`).join(", ")), make("td", {}, row.client)));
    if (more) $("rows").append(...rows);
    else $("rows").replaceChildren(...rows);
    $("more").hidden = !before;
  } catch (error) { failed(error); }
}

$("search").addEventListener("submit", (event) => { event.preventDefault(); load(); });
$("more").addEventListener("click", () => load(true));
$("verify").addEventListener("click", async () => {
  try {
    const found = await get("/api/v1/audit/verify");
    $("chain").textContent = found.intact ? say("audit.intact") : say("audit.broken", { seq: found.first_broken });
    $("chain").className = found.intact ? "badge accepted" : "badge rejected";
  } catch (error) { failed(error); }
});
listen({});
load();
