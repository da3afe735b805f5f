// Opens pages in Chromium, and does on each what the facts say: fetch across origins, or click and read.
import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";

const facts = JSON.parse(readFileSync(process.argv[2], "utf8"));

/** What a script on the page gets to know of one call: the answer, or only that it failed. */
async function fetched(page, call) {
  return page.evaluate(async ({ url, method, headers, body }) => {
    try {
      const answer = await fetch(url, { method, headers, body });
      return {
        status: answer.status,
        headers: Object.fromEntries(answer.headers),
        body: await answer.text(),
      };
    } catch (error) {
      return { failed: error.name };
    }
  }, call);
}

async function clicked(page, { click, until }) {
  await page.click(click);
  await page.waitForFunction((until) => document.querySelector("#said").textContent.includes(until), until);
  return { said: await page.textContent("#said") };
}

/** `<call.member>` in a header stands for what an earlier answer of the same page told. */
function filled(call, seen) {
  const fill = (text) =>
    text.replace(/<(\w+)\.(\w+)>/g, (_, name, member) => JSON.parse(seen[name].body)[member]);
  const headers = Object.entries(call.headers ?? {}).map(([name, value]) => [name, fill(value)]);
  return { ...call, headers: Object.fromEntries(headers) };
}

const browser = await chromium.launch({
  executablePath: facts.chromium,
  // The sandbox wants rights that a container's root has not.
  args: ["--no-sandbox"],
});
const told = {};
try {
  for (const { name, url, steps } of facts.pages) {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(url);
    const seen = { origin: await page.evaluate(() => location.origin) };
    for (const step of steps) {
      seen[step.name] = step.click ? await clicked(page, step) : await fetched(page, filled(step, seen));
    }
    told[name] = seen;
    await context.close();
  }
  told.browser = browser.version();
} finally {
  await browser.close();
}
console.log(JSON.stringify(told));
