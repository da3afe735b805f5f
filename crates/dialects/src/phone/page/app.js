// The page: which view is shown, and what it is shown of. Views are made anew, never patched.

import { Problem, Server } from "./api.js";
import { announce, byId, h } from "./dom.js";
import * as views from "./device.js";
import { forget, isSecure, load } from "./keys.js";
import { asker, plain, read } from "./record.js";
import { card, detail, outcome, outcomeOf } from "./request.js";
import { setup } from "./setup.js";
import { language, t } from "./text.js";
import { Watch } from "./watch.js";

/**
 * @typedef {import("./keys.js").Device} Device
 * @typedef {import("./api.js").Known} Known
 * @typedef {import("./api.js").News} News
 * @typedef {import("./watch.js").Connection} Connection
 */

const server = new Server();
/** What is run each second while the view of now is shown. @type {(() => void)[]} */
let ticks = [];
/** @type {Device | undefined} */
let device;
/** @type {Known | null} */
let known = null;
/** @type {News | null} */
let news = null;
/** The request that is shown, until it has ended. @type {string | null} */
let shownRequest = null;
/** A code that the address brought. @type {string | null} */
let brought = null;
/** @type {Watch | null} */
let watch = null;

/**
 * Show a view, and move there; or, where the same view is made anew, leave the focus on what it was on.
 *
 * @param {HTMLElement} view
 * @param {{focus?: boolean}} [how]
 */
function show(view, { focus = true } = {}) {
  const main = byId("main");
  const focused = main.contains(document.activeElement) ? document.activeElement : null;
  main.replaceChildren(view);
  const title = view.querySelector("h1");
  document.title = title?.textContent ? `${title.textContent} · ${t.title}` : t.title;
  if (focus && title instanceof HTMLElement) {
    scrollTo(0, 0);
    title.focus({ preventScroll: true });
  } else if (focused instanceof HTMLAnchorElement) {
    const links = [...view.querySelectorAll("a")];
    links.find((link) => link.hash === focused.hash)?.focus({ preventScroll: true });
  } else if (focused) {
    title?.focus({ preventScroll: true });
  }
}

/**
 * A view that only says something.
 *
 * @param {string} id
 * @param {string} title
 * @param {...(string | HTMLElement)} paragraphs
 */
function notice(id, title, ...paragraphs) {
  const lines = paragraphs.map((line) => (typeof line === "string" ? h("p", { class: "lead" }, line) : line));
  return h(
    "section",
    { id, class: "notice", "aria-labelledby": "view-title" },
    h("h1", { id: "view-title", tabindex: -1 }, title),
    ...lines,
  );
}

/** What the address asks for. */
function route() {
  const nonce = /^#nonce=([0-9\s%20+-]{9,40})$/.exec(location.hash);
  if (nonce?.[1]) {
    const digits = nonce[1].replaceAll("%20", "").replace(/[^0-9]/g, "");
    brought = digits.length === 9 ? digits : null;
    // It has been read; a reload must not ask again, and nobody should read it over a shoulder.
    history.replaceState(null, "", brought ? "#/code" : "#/requests");
  }
  if (!device?.enrolled) return;
  ticks = [];
  shownRequest = null;
  const [, section, id] = location.hash.split("/");
  for (const link of document.querySelectorAll("nav a")) {
    const isHere = link.getAttribute("href") === `#/${section ?? "requests"}`;
    if (isHere) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (section === "code") return showCode();
  if (section === "device") return void showDevice();
  if (section === "requests" && id) return void showRequest(decodeURIComponent(id));
  showRequests();
}

function showRequests({ focus = true } = {}) {
  ticks = [];
  const waiting = (news?.requests ?? []).filter((one) => Date.parse(one.expires_at) > server.now());
  const section = h(
    "section",
    { id: "requests", "aria-labelledby": "view-title" },
    h("h1", { id: "view-title", tabindex: -1 }, t.requests.title),
  );
  if (known?.locked) section.append(lockedNote());
  if (waiting.length > 0) {
    const everySecond = (/** @type {() => void} */ tick) => void ticks.push(tick);
    section.append(h("ul", { class: "cards" }, ...waiting.map((one) => card(one, server, everySecond))));
    const first = Math.min(...waiting.map((one) => Date.parse(one.expires_at)));
    ticks.push(() => {
      if (first <= server.now()) showRequests({ focus: false });
    });
  } else if (news === null) {
    section.append(h("p", { class: "lead", id: "not-known" }, t.requests.notKnown));
  } else {
    const isLinked = !known || known.assets.length > 0 || known.links.length > 0;
    section.append(
      h(
        "div",
        { class: "empty" },
        h("img", { src: "/phone/icon.svg", alt: "", width: 72, height: 72 }),
        h("h2", {}, t.requests.none),
        h("p", {}, isLinked ? t.requests.noneText : t.requests.notLinked),
        isLinked ? null : h("a", { class: "button primary", href: "#/code" }, t.code.title),
      ),
    );
  }
  show(section, { focus });
}

function lockedNote() {
  return h("div", { class: "note strong", id: "locked" }, h("h2", {}, t.locked.title), h("p", {}, t.locked.text));
}

function locked() {
  if (known) known = { ...known, locked: true, tries_left: 0 };
  show(notice("locked", t.locked.title, h("p", { class: "note strong" }, t.locked.text)));
}

/** @param {string} id */
async function showRequest(id) {
  if (!device) return;
  const here = location.hash;
  try {
    const listed = news?.requests.find((one) => one.id === id);
    const waiting = listed ?? (await server.request(device, id));
    if (location.hash !== here) return;
    if (waiting.state !== "pending") return ended(outcomeOf(waiting));
    shownRequest = id;
    const everySecond = (/** @type {() => void} */ tick) => void ticks.push(tick);
    const back = () => (location.hash = "#/requests");
    show(detail(waiting, { server, device, everySecond, ended, locked, back }));
  } catch (error) {
    if (location.hash !== here) return;
    if (error instanceof Problem && error.status === 404) ended("gone");
    else failed(error);
  }
}

/** @param {Parameters<typeof outcome>[0]} name */
function ended(name) {
  ticks = [];
  shownRequest = null;
  show(outcome(name));
  watch?.refresh();
}

function showCode() {
  const typeIn = async (/** @type {string} */ nonce) => {
    if (!device) throw new Error("there is no device");
    const typed = await server.typeIn(device, nonce);
    // What it did shows in the device; that it is not known at once takes nothing away from it.
    server.device(device).then((now) => (known = now), () => undefined);
    return typed;
  };
  if (brought) {
    const digits = brought;
    brought = null;
    const declined = () => {
      location.hash = "#/requests";
    };
    return show(views.brought(digits, typeIn, locked, declined));
  }
  show(views.code(typeIn, locked));
}

async function showDevice() {
  if (!device) return;
  const here = location.hash;
  try {
    known = await server.device(device);
    if (location.hash === here) show(views.device(known));
  } catch (error) {
    if (location.hash === here) failed(error);
  }
}

/** @param {unknown} error */
function failed(error) {
  if (error instanceof Problem && error.status === 401) return unknown();
  if (error instanceof Problem) return show(notice("failed", t.problem.other));
  show(notice("offline", t.offline.title, t.offline.text));
}

/** The server does not know this device any more. */
function unknown() {
  watch?.stop();
  byId("nav").hidden = true;
  const again = h(
    "button",
    { type: "button", class: "primary", onclick: () => void forget().then(() => location.replace("/phone")) },
    t.unknown.again,
  );
  show(notice("unknown", t.unknown.title, t.unknown.text, again));
}

/** @param {News} fresh */
function heard(fresh) {
  const before = new Set(news?.requests.map((one) => one.id));
  news = fresh;
  const arrived = fresh.requests.filter((one) => !before.has(one.id));
  for (const one of arrived) {
    const asked = read(one.record, one.id);
    if (asked) announce(t.requests.arrived(plain(asker(asked))));
  }
  const gone = shownRequest !== null && !fresh.requests.some((one) => one.id === shownRequest);
  if (gone && shownRequest) return void showRequest(shownRequest);
  if (isList()) showRequests({ focus: false });
  if (known?.locked) void lookAgain();
}

/** Whether the list is what is shown, or would be with a network: a request that is open must stay, and what is typed. */
function isList() {
  return byId("main").querySelector("#requests, #offline") !== null;
}

/** An operator may have unlocked it: that, too, is news. */
async function lookAgain() {
  if (!device) return;
  try {
    known = await server.device(device);
  } catch {
    // Asked again with the next news.
    return;
  }
  if (known.locked) return;
  if (isList()) showRequests({ focus: false });
  else if (byId("main").querySelector("#locked")) route();
}

/** @param {Connection} now */
function connection(now) {
  const word = typeof now === "object" ? "away" : now;
  const shown = byId("connection");
  // Only what is new is told to screen readers.
  if (shown.textContent !== t.connection[word]) shown.textContent = t.connection[word];
  shown.dataset.now = word;
  // What could not be shown before can be now.
  if (now === "live" && byId("main").querySelector("#offline")) route();
  const note = byId("offline-note");
  note.hidden = word !== "offline" && word !== "away";
  if (typeof now === "object") note.textContent = t.away.text(now.again);
  else if (now === "offline") note.textContent = `${t.offline.title}. ${t.offline.text}`;
}

/** Go on as this device. */
function begin() {
  byId("nav").hidden = false;
  connection("connecting");
  watch = new Watch(
    async (seen, signal) => {
      if (!device) throw new Error("there is no device");
      if (!known) {
        known = await server.device(device);
        if (isList()) showRequests({ focus: false });
      }
      return server.waiting(device, seen, signal);
    },
    { news: heard, connection, refused: failed },
  );
  watch.start();
  route();
}

/** The words that stand in the page itself. */
function name() {
  document.documentElement.lang = language;
  byId("skip").textContent = t.skip;
  byId("nav").setAttribute("aria-label", t.nav.label);
  for (const [id, text] of Object.entries({ "nav-requests": t.nav.requests, "nav-code": t.nav.code, "nav-device": t.nav.device })) {
    byId(id).textContent = text;
  }
}

async function start() {
  name();
  byId("skip").addEventListener("click", (event) => {
    // The fragment says which view is shown: it is not for anchors.
    event.preventDefault();
    byId("main").focus();
  });
  if (!isSecure()) return show(notice("insecure", t.insecure.title, t.insecure.text, t.insecure.advice));
  navigator.serviceWorker?.register("/phone/worker.js", { scope: "/phone" }).catch(() => {
    // Without it the page works, only not offline: some private windows have none.
  });
  try {
    device = await load();
  } catch {
    return show(notice("broken", t.broken.title, t.broken.text));
  }
  addEventListener("hashchange", route);
  setInterval(() => ticks.forEach((tick) => tick()), 1000);
  route();
  let environment = "";
  try {
    environment = (await server.about()).environment;
    byId("environment").textContent = environment;
  } catch {
    if (!device?.enrolled) return offlineSetup();
  }
  if (device?.enrolled) return begin();
  showSetup(environment);
}

/** @param {string} environment */
function showSetup(environment) {
  show(
    setup(server, environment, device, brought !== null, (made, knownNow) => {
      device = made;
      known = knownNow;
      announce(t.setup.done);
      begin();
    }),
  );
}

/** Nothing can be set up without the server: try again when the browser is back. */
function offlineSetup() {
  connection(navigator.onLine ? "connecting" : "offline");
  show(notice("offline", t.offline.title, t.offline.text));
  const again = async () => {
    try {
      const { environment } = await server.about();
      removeEventListener("online", again);
      clearInterval(timer);
      byId("environment").textContent = environment;
      byId("offline-note").hidden = true;
      byId("connection").textContent = "";
      showSetup(environment);
    } catch {
      // Still away: the timer comes again.
    }
  };
  const timer = setInterval(again, 5_000);
  addEventListener("online", again);
}

void start();
