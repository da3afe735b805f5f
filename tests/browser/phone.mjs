// A person's phone: sets the page up in Chromium, links it, is asked through the gateway, answers. What it looks like is
// checked by axe-core at every stop, in light and dark, narrow and wide.
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { chromium } from "playwright-core";

const facts = JSON.parse(readFileSync(process.argv[2], "utf8"));
const axe = readFileSync(createRequire(join(process.cwd(), "x.js")).resolve("axe-core/axe.min.js"), "utf8");
const PIN = "402311";
const WRONG = "111222";
const OTHER = "736152";
const LOOKS = ["light", "dark"].flatMap((scheme) => [360, 1280].map((width) => ({ scheme, width })));

const told = { looks: 0, violations: [], overflows: [], small_targets: [], errors: [] };

/** A look at the page from every side. */
async function look(page, name) {
  for (const { scheme, width } of LOOKS) {
    await page.setViewportSize({ width, height: width === 360 ? 740 : 900 });
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
    const place = `${name}-${scheme}-${width}`;
    // Not a script element: the page's own policy lets none of those in.
    await page.evaluate(axe);
    const found = await page.evaluate(() => globalThis.axe.run(document));
    for (const { id, impact, nodes } of found.violations) {
      const targets = nodes.map((node) => node.target.join(" "));
      if (impact === "serious" || impact === "critical") told.violations.push({ place, id, impact, targets });
    }
    const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (wider > 0) told.overflows.push({ place, wider });
    const small = await page.evaluate(() =>
      [...document.querySelectorAll("a, button, input, summary")]
        .filter((element) => element.checkVisibility() && element.id !== "skip")
        .map((element) => ({ text: element.textContent, box: element.getBoundingClientRect() }))
        .filter(({ box }) => box.height < 44 || box.width < 44)
        .map(({ text, box }) => `${text} ${box.width}x${box.height}`),
    );
    if (small.length > 0) told.small_targets.push({ place, small });
    await page.screenshot({ path: join(facts.shots, `${place}.png`), fullPage: true });
    told.looks += 1;
  }
  await page.setViewportSize({ width: 360, height: 740 });
}

/** What the gateway says of a payout. */
async function pay(target, approval) {
  const headers = {
    Authorization: `Bearer ${facts.key}`,
    "X-Forwarded-Method": "POST",
    "X-Forwarded-Host": facts.host,
    "X-Forwarded-Uri": target,
    "X-Forwarded-For": "127.0.0.1",
  };
  if (approval) headers["Countersign-Approval"] = approval;
  const answer = await fetch(facts.gateway, { headers });
  const body = answer.status === 200 ? {} : await answer.json();
  return { status: answer.status, ...body };
}

/** Ask for a payout: the approval that is waited for. */
async function ask(target) {
  const asked = await pay(target);
  if (asked.status !== 403 || !asked.approval) throw new Error(`no approval is asked for: ${JSON.stringify(asked)}`);
  return { id: asked.approval, code: asked.code };
}

const title = (page) => page.textContent("main h1");

async function type(page, fields) {
  for (const [id, text] of Object.entries(fields)) await page.fill(`#${id}`, text);
}

async function complaint(page, id) {
  await page.waitForSelector(`#${id}-error:not(:empty)`);
  return page.textContent(`#${id}-error`);
}

async function live(page) {
  await page.waitForFunction(() => document.querySelector("#connection")?.textContent === "Connected");
}

async function setUp(page) {
  await page.goto(facts.url);
  await page.waitForSelector("#name");
  await look(page, "01-setup");
  await type(page, { name: "Ada’s phone", pin: PIN, "pin-again": WRONG });
  await page.click("form button");
  const differs = await complaint(page, "pin-again");
  await look(page, "02-setup-differs");
  await type(page, { pin: "123456", "pin-again": "123456" });
  await page.click("form button");
  const weak = await complaint(page, "pin");
  await type(page, { pin: PIN, "pin-again": PIN });
  await page.click("form button");
  await page.waitForSelector("#requests");
  const focused = await page.evaluate(() => document.activeElement?.textContent);
  await live(page);
  await look(page, "03-empty");
  await page.reload();
  await live(page);
  const exportable = await page.evaluate(
    () =>
      new Promise((resolve, reject) => {
        const opening = indexedDB.open("countersign-phone");
        opening.onerror = () => reject(opening.error);
        opening.onsuccess = () => {
          const read = opening.result.transaction("device").objectStore("device").get("this");
          read.onerror = () => reject(read.error);
          read.onsuccess = () => resolve(read.result.privateKey.extractable);
        };
      }),
  );
  const survives = (await title(page)) === "Requests";
  return { differs, weak, focused, exportable, survives_reload: survives };
}

/** The answer to an enrolment gets lost, and the person chooses another PIN. */
async function loseAnswer() {
  const context = await browser.newContext({ serviceWorkers: "block" });
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  const sent = [];
  await page.route("**/phone/v1/devices", async (route) => {
    sent.push(route.request().postDataJSON());
    if (sent.length > 1) return route.continue();
    await route.fetch();
    await route.abort();
  });
  await page.goto(facts.url);
  await page.waitForSelector("#name");
  await type(page, { name: "Another phone", pin: PIN, "pin-again": PIN });
  await page.click("form button");
  await page.waitForSelector("form > .error:not(:empty)");
  await type(page, { pin: OTHER, "pin-again": OTHER });
  await page.click("form button");
  await page.waitForSelector("#requests");
  await context.close();
  const keys = sent.map(({ key }) => key.x);
  return { pins: sent.map(({ pin }) => pin), keys: keys.map((key) => keys.indexOf(key)) };
}

async function link(page) {
  await page.click("nav a.type-in");
  await page.fill("#nonce", "000 000 000");
  await page.click("main form button");
  const wrong = await complaint(page, "nonce");
  await look(page, "04-code-wrong");
  await page.goto(`${facts.url}#nonce=${facts.nonce}`);
  await page.waitForSelector("text=Use the code from this link?");
  const askedFirst = await page.isVisible("text=Go on only if you asked for it yourself");
  const fragmentGone = !(await page.evaluate(() => location.href)).includes(facts.nonce);
  await look(page, "05-code-from-a-link");
  await page.click("main button.primary");
  await page.waitForSelector(".outcome");
  const linked = await title(page);
  await page.click("nav a.device");
  await page.waitForSelector("text=Device id");
  await look(page, "07-device");
  const device = await page.textContent("main ul.plain li");
  return { wrong, asked_first: askedFirst, fragment_gone: fragmentGone, linked, device };
}

async function approve(page) {
  await page.click("nav a.requests");
  await page.waitForSelector("#requests");
  await live(page);
  const { id, code } = await ask(facts.target);
  // Nobody touches the page: it hears of the request.
  await page.waitForSelector(".request-card");
  await look(page, "08-list");
  await page.click(".request-card a");
  await page.waitForSelector("form.answer");
  await look(page, "09-request");
  const shown = {
    arrived_by_itself: true,
    title: await title(page),
    asked_by: await page.textContent("main .asker"),
    parameters: await page.$$eval("main tbody tr", (rows) =>
      rows.map((row) => [...row.children].map((cell) => cell.textContent)),
    ),
    code: (await page.textContent("main .code")).replaceAll(" ", ""),
    code_of_asker: code,
  };
  await page.fill("#pin", WRONG);
  await page.click("form.answer button.primary");
  shown.wrong_pin = await complaint(page, "pin");
  shown.pin_emptied = (await page.inputValue("#pin")) === "";
  await look(page, "10-wrong-pin");
  await page.fill("#pin", PIN);
  await page.click("form.answer button.primary");
  await page.waitForSelector(".outcome");
  shown.outcome = await title(page);
  await look(page, "11-approved");
  shown.passed = [(await pay(facts.target, id)).status, (await pay(facts.target, id)).status];
  return shown;
}

/** What a service provider asks, in the words of Ubiqu's tutorial. */
function site(method, path, body) {
  const headers = { Host: facts.host, "X-Api-Key": facts.site_key, "Content-Type": "application/json", Accept: "*/*" };
  return new Promise((resolve, reject) => {
    const asking = request(`${facts.public}${path}`, { method, headers }, (answer) => {
      let said = "";
      answer.on("data", (chunk) => (said += chunk));
      answer.on("end", () => resolve(JSON.parse(said).result));
    });
    asking.on("error", reject);
    asking.end(body && JSON.stringify(body));
  });
}

/** The tutorial's three steps, with this page as the phone. */
async function identify(page) {
  const shown = await site("POST", "/api/identification", {});
  await page.click("nav a.type-in");
  await page.fill("#nonce", shown.nonce);
  await page.click("main form button");
  await page.waitForSelector(".outcome");
  const { asset_uuid: uuid } = await site("GET", `/api/identification?uuid=${shown.uuid}`);
  const asset = await site("GET", `/api/asset?uuid=${uuid}`);
  const asked = await site("POST", "/api/authenticate", { asset_uuid: uuid, fingerprint: facts.fingerprint });
  await page.click("nav a.requests");
  await page.click(".request-card a");
  await page.waitForSelector("form.answer");
  const code = (await page.textContent("main .code")).replaceAll(" ", "");
  await page.fill("#pin", PIN);
  await page.click("form.answer button.primary");
  await page.waitForSelector(".outcome");
  const { verified, signature } = await site("GET", `/api/authenticate?uuid=${asked.uuid}`);
  return { is_same_code: code === asked.otp, verified, signature, key: asset.public_key_authenticate };
}

/** A request is open, and its PIN half typed, before the page has heard what this phone is. */
async function keepOpen(page) {
  const { id } = await ask(facts.target.replace("1250", "2"));
  let hear;
  const heard = new Promise((resolve) => (hear = resolve));
  await page.route("**/phone/v1/device", async (route) => {
    await heard;
    await route.continue();
  });
  await page.goto("about:blank");
  await page.goto(`${facts.url}#/requests/${id}`);
  await page.waitForSelector("form.answer");
  await page.fill("#pin", "4023");
  hear();
  await live(page);
  const typed = await page.evaluate(() => document.querySelector("#pin")?.value ?? null);
  await page.unroute("**/phone/v1/device");
  await page.goto(`${facts.url}#/requests/${id}`);
  await page.waitForSelector("form.answer");
  await page.fill("#pin", PIN);
  await page.click("form.answer button.primary");
  await page.waitForSelector(".outcome");
  return { typed, outcome: await title(page) };
}

/** An operator lets its PIN be tried again. */
async function unlock() {
  const headers = { Authorization: `Bearer ${facts.operator}` };
  const { items } = await (await fetch(facts.devices, { headers })).json();
  const locked = items.filter((device) => device.locked_at);
  if (locked.length !== 1) throw new Error(`one phone is locked: ${JSON.stringify(items)}`);
  const done = await fetch(`${facts.devices}/${locked[0].id}/unlock`, { method: "POST", headers });
  if (!done.ok) throw new Error(`the operator may not: ${done.status}`);
}

async function reject(page) {
  await page.click("nav a.requests");
  const target = facts.target.replace("1250", "3");
  const { id } = await ask(target);
  await page.click(".request-card a");
  await page.click("form.answer button.danger");
  await page.waitForSelector("text=Reject this request?");
  await look(page, "12-reject");
  await page.click("text=Yes, reject");
  await page.waitForSelector(".outcome");
  const outcome = await title(page);
  return { outcome, refused: (await pay(target, id)).type };
}

/** Tab until something is focused; a page that never gets there keeps people out. */
async function tabTo(page, selector) {
  for (let presses = 0; presses < 40; presses += 1) {
    if (await page.evaluate((selector) => document.activeElement?.matches(selector), selector)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`the keyboard does not lead to ${selector}`);
}

async function byKeyboard(page) {
  await tabTo(page, "main a.button");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#requests");
  await ask(facts.target.replace("1250", "4"));
  await page.waitForSelector(".request-card");
  await tabTo(page, ".request-card a");
  await page.keyboard.press("Enter");
  await page.waitForSelector("form.answer");
  await tabTo(page, "#pin");
  await page.keyboard.type(PIN);
  await page.keyboard.press("Enter");
  await page.waitForSelector(".outcome");
  return { outcome: await title(page) };
}

async function offline(page, context) {
  await page.click("nav a.requests");
  await live(page);
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => true));
  await context.setOffline(true);
  await page.reload();
  await page.waitForSelector("#offline-note:not([hidden])");
  await page.waitForFunction(() => document.querySelector("#connection")?.textContent === "Offline");
  const seen = { status: await page.textContent("#connection"), note: await page.textContent("#offline-note") };
  await look(page, "14-offline");
  await context.setOffline(false);
  await live(page);
  return { ...seen, back: await page.textContent("#connection") };
}

async function lock(page) {
  await page.click("nav a.requests");
  await ask(facts.target.replace("1250", "5"));
  await page.click(".request-card a");
  await page.waitForSelector("form.answer");
  for (let tries = 0; tries < 5; tries += 1) {
    await page.fill("#pin", WRONG);
    await page.click("form.answer button.primary");
    await page.waitForSelector("#pin-error:not(:empty), #locked");
    if (await page.$("#locked")) break;
    await page.waitForSelector("form.answer button.primary:enabled");
  }
  await page.waitForSelector("#locked");
  const locked = await title(page);
  await look(page, "15-locked");
  await page.goto(facts.url);
  await page.waitForSelector("#locked");
  await look(page, "16-locked-later");
  await live(page);
  await unlock();
  // Nobody touches the page: it hears of it.
  await page.waitForSelector("#locked", { state: "detached" });
  return { title: locked, after_reload: true, unlocked: await title(page) };
}

const browser = await chromium.launch({
  executablePath: facts.chromium,
  // The sandbox wants rights that a container's root has not.
  args: ["--no-sandbox", "--host-resolver-rules=MAP phone.test 127.0.0.1"],
});
try {
  const context = await browser.newContext({ viewport: { width: 360, height: 740 } });
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  page.on("pageerror", (error) => told.errors.push(error.message));
  page.on("console", (message) => {
    // What the server refuses, and what is asked without a network, browsers report by themselves.
    const isNetwork = message.text().startsWith("Failed to load resource");
    if (message.type() === "error" && !isNetwork) told.errors.push(message.text());
  });
  told.setup = await setUp(page);
  told.lost = await loseAnswer();
  told.code = await link(page);
  told.approved = await approve(page);
  told.identified = await identify(page);
  told.open = await keepOpen(page);
  told.rejected = await reject(page);
  told.keyboard = await byKeyboard(page);
  told.offline = await offline(page, context);
  told.locked = await lock(page);

  const plain = await context.newPage();
  await plain.goto(facts.insecure);
  await plain.waitForSelector("#insecure");
  told.insecure = { title: await title(plain) };
  await look(plain, "17-insecure");
} finally {
  await browser.close();
}
console.log(JSON.stringify(told));
