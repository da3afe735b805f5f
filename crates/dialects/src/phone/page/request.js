// What is asked, from its record only; and the answer to it.

import { Problem } from "./api.js";
import { PIN_FIELD, announce, field, groups, h, term } from "./dom.js";
import { asker, parts, plain, read } from "./record.js";
import { t } from "./text.js";

/**
 * @typedef {import("./api.js").Waiting} Waiting
 * @typedef {import("./record.js").Asked} Asked
 * @typedef {keyof typeof OUTCOMES} OutcomeName
 *
 * @typedef {object} Context what a view needs of the page
 * @property {import("./api.js").Server} server
 * @property {import("./keys.js").Device} device
 * @property {(tick: () => void) => void} everySecond
 * @property {(outcome: OutcomeName) => void} ended
 * @property {() => void} locked
 * @property {() => void} back
 */

const OUTCOMES = {
  approved: { title: t.answered.approved, text: t.answered.approvedText, good: true },
  counted: { title: t.answered.counted, text: t.answered.countedText, good: true },
  rejected: { title: t.answered.rejected, text: t.answered.rejectedText, good: false },
  expired: { title: t.answered.expired, text: t.answered.expiredText, good: false },
  elsewhere: { title: t.answered.elsewhere, text: t.answered.elsewhereText, good: false },
  failed: { title: t.answered.failed, text: t.answered.failedText, good: false },
  gone: { title: t.answered.gone, text: t.answered.goneText, good: false },
};

/**
 * A request in a list.
 *
 * @param {Waiting} waiting
 * @param {import("./api.js").Server} server
 * @param {(tick: () => void) => void} everySecond
 */
export function card(waiting, server, everySecond) {
  const asked = read(waiting.record, waiting.id);
  const left = h("span", { class: "left" });
  const tick = () => (left.textContent = timeLeft(waiting, server.now()));
  tick();
  everySecond(tick);
  const title = `title-${waiting.id}`;
  return h(
    "li",
    { class: "card request-card" },
    h("p", { class: "asker" }, asked ? plain(asker(asked)) : ""),
    h("h2", { id: title }, asked ? plain(asked.text) : t.request.unreadable),
    h(
      "div",
      { class: "row" },
      h("p", { class: "quiet" }, `${t.request.left}: `, left),
      h(
        "a",
        { class: "button primary", href: `#/requests/${waiting.id}`, "aria-describedby": title },
        t.requests.open,
      ),
    ),
  );
}

/**
 * One request, whole, and the form that answers it.
 *
 * @param {Waiting} waiting
 * @param {Context} context
 */
export function detail(waiting, context) {
  const asked = read(waiting.record, waiting.id);
  const back = h("a", { class: "back", href: "#/requests" }, `← ${t.request.back}`);
  if (!asked) {
    return h(
      "section",
      { "aria-labelledby": "view-title" },
      back,
      h("h1", { id: "view-title", tabindex: -1 }, t.request.unreadable),
    );
  }
  const left = h("dd", { class: "left" });
  const total = Math.max(1, Date.parse(waiting.expires_at) - context.server.now());
  const bar = h("div", { class: "bar", "aria-hidden": "true" }, h("div", {}));
  let isWarned = total < 60_000;
  const tick = () => {
    const ms = Date.parse(waiting.expires_at) - context.server.now();
    left.textContent = timeLeft(waiting, context.server.now());
    /** @type {HTMLElement} */ (bar.firstElementChild).style.width = `${Math.max(0, (100 * ms) / total)}%`;
    if (ms <= 0) context.ended("expired");
    else if (ms < 60_000 && !isWarned) {
      isWarned = true;
      announce(t.request.almostOver);
    }
  };
  tick();
  context.everySecond(tick);
  return h(
    "section",
    { "aria-labelledby": "view-title", class: "request" },
    back,
    h("p", { class: "asker" }, h("span", { class: "label" }, `${t.request.by} `), plain(asker(asked))),
    h("h1", { id: "view-title", tabindex: -1 }, plain(asked.text)),
    h("div", { class: "timer" }, h("dl", {}, h("div", { class: "term inline" }, h("dt", {}, t.request.left), left)), bar),
    codeOf(asked),
    what(asked),
    answerForm(waiting, asked, context),
  );
}

/**
 * How an answered request ended.
 *
 * @param {OutcomeName} name
 */
export function outcome(name) {
  const { title, text, good } = OUTCOMES[name];
  return h(
    "section",
    { "aria-labelledby": "view-title", class: `outcome ${good ? "good" : ""}` },
    h("div", { class: "mark", "aria-hidden": "true" }, good ? "✓" : name === "rejected" ? "✕" : "–"),
    h("h1", { id: "view-title", tabindex: -1 }, title),
    h("p", { class: "lead" }, text),
    h("a", { class: "button", href: "#/requests" }, t.answered.back),
  );
}

/**
 * What became of a request that was answered before this page could.
 *
 * @param {Waiting} waiting
 * @returns {OutcomeName}
 */
export function outcomeOf(waiting) {
  return waiting.state === "pending" ? "counted" : waiting.state;
}

/** @param {Asked} asked */
function codeOf(asked) {
  const shown = groups(plain(asked.code), 4).map((group) => h("span", {}, group));
  return h(
    "div",
    { class: "card compare" },
    h("h2", { id: "code-title" }, t.request.code),
    h("p", { class: "code", role: "group", "aria-labelledby": "code-title" }, ...spaced(shown)),
    h("p", { class: "hint" }, t.request.codeText),
  );
}

/**
 * With a space between, so that a screen reader reads groups and a copy can be searched for.
 *
 * @param {HTMLElement[]} elements
 */
function spaced(elements) {
  return elements.flatMap((element, place) => (place === 0 ? [element] : [" ", element]));
}

/** @param {Asked} asked */
function what(asked) {
  const { subject } = asked.asked_by;
  return h(
    "div",
    { class: "card" },
    h("h2", {}, t.request.what),
    h("p", { class: "kind" }, t.request.kind[asked.kind]),
    asked.bound
      ? h(
          "dl",
          { class: "pair" },
          term(t.request.method, mono(plain(asked.bound.method))),
          term(t.request.host, mono(plain(asked.bound.host))),
        )
      : null,
    h(
      "dl",
      {},
      ...(asked.bound ? boundTo(asked.bound) : []),
      asked.fingerprint ? term(t.request.fingerprint, mono(asked.fingerprint)) : null,
      asked.resource_uri ? term(t.request.resource, mono(plain(asked.resource_uri))) : null,
      asked.asset ? term(t.request.asset, mono(asked.asset)) : null,
      subject ? term(t.request.forUser, bdi(subject)) : null,
      asked.approvers ? term(t.request.approvers, approversOf(asked.approvers)) : null,
      term(t.request.environment, bdi(`${asked.environment} · ${asked.issuer}`)),
    ),
  );
}

/** @param {import("./record.js").Bound} bound */
function boundTo(bound) {
  const { path, parameters } = parts(bound.target);
  const rows = parameters.map(({ name, value }) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, bdi(name)),
      h("td", {}, value === "" ? h("em", {}, t.request.empty) : bdi(value)),
    ),
  );
  const table = h(
    "table",
    {},
    h("caption", {}, t.request.parameters),
    h(
      "thead",
      {},
      h("tr", {}, h("th", { scope: "col" }, t.request.parameter), h("th", { scope: "col" }, t.request.value)),
    ),
    h("tbody", {}, ...rows),
  );
  return [
    term(t.request.path, mono(path)),
    h(
      "div",
      { class: "term" },
      h("dt", { class: rows.length > 0 ? "visually-hidden" : "" }, t.request.parameters),
      h("dd", {}, rows.length > 0 ? table : t.request.noParameters),
    ),
    bound.body === "none"
      ? term(t.request.body, t.request.bodyNone)
      : term(t.request.body, t.request.bodyBound, " ", mono(plain(bound.body))),
    h(
      "div",
      { class: "term" },
      h("dt", { class: "visually-hidden" }, t.request.raw),
      h("dd", {}, h("details", {}, h("summary", {}, t.request.raw), mono(plain(bound.target)))),
    ),
  ];
}

/** @param {NonNullable<Asked["approvers"]>} approvers */
function approversOf(approvers) {
  if (approvers === "subject") return t.request.ownDecision;
  const group = plain(`${approvers.group}, ${approvers.organization}`);
  return t.request.groupDecision(approvers.needed, group);
}

/** @param {string} text */
function mono(text) {
  return h("bdi", { class: "mono" }, text);
}

/** @param {string} text */
function bdi(text) {
  return h("bdi", {}, plain(text));
}

/**
 * @param {Waiting} waiting
 * @param {Asked} asked
 * @param {Context} context
 */
function answerForm(waiting, asked, context) {
  const pin = field("pin", t.request.pin, PIN_FIELD);
  const approve = h("button", { class: "primary" }, t.request.approve);
  const reject = h("button", { type: "button", class: "danger", onclick: () => ask(true) }, t.request.reject);
  const sure = h("button", { type: "button", class: "danger filled", onclick: () => void answer("reject") }, t.request.rejectYes);
  const unsure = h("button", { type: "button", onclick: () => ask(false) }, t.request.rejectNo);
  const trouble = h("p", { class: "error", role: "alert" });
  const deciding = h("div", { class: "deciding" }, pin.field, h("div", { class: "buttons" }, reject, approve));
  const rejecting = h(
    "div",
    { class: "deciding", role: "group", "aria-labelledby": "reject-title", hidden: true },
    h("h2", { id: "reject-title" }, t.request.rejectSure),
    h("div", { class: "buttons" }, unsure, sure),
  );
  /** @param {boolean} rejects */
  const ask = (rejects) => {
    deciding.hidden = rejects;
    rejecting.hidden = !rejects;
    (rejects ? unsure : reject).focus();
  };
  const buttons = [approve, reject, sure, unsure];

  /** @param {"approve" | "reject"} decision */
  const answer = async (decision) => {
    pin.complain("");
    trouble.textContent = "";
    const typed = pin.input.value;
    if (decision === "approve" && !/^[0-9]{6,12}$/.test(typed)) return pin.complain(t.pin.missing);
    for (const button of buttons) button.disabled = true;
    approve.textContent = t.request.working;
    const withPin = decision === "approve" ? typed : undefined;
    try {
      const answered = await context.server.answer(context.device, waiting, asked.issuer, decision, withPin);
      return context.ended(outcomeOf(answered));
    } catch (error) {
      pin.input.value = "";
      refused(error, pin, trouble, context);
    }
    for (const button of buttons) button.disabled = false;
    approve.textContent = t.request.approve;
  };
  return h(
    "form",
    {
      class: "answer",
      novalidate: true,
      onsubmit: (event) => {
        event.preventDefault();
        if (!approve.disabled) void answer("approve");
      },
    },
    deciding,
    rejecting,
    trouble,
  );
}

/**
 * @param {unknown} error
 * @param {{complain: (text: string) => void}} pin
 * @param {HTMLElement} trouble
 * @param {Context} context
 */
function refused(error, pin, trouble, context) {
  if (!(error instanceof Problem)) {
    trouble.textContent = t.problem.network;
  } else if (error.kind === "wrong-pin" && error.triesLeft) {
    pin.complain(t.pin.wrong(error.triesLeft));
  } else if (error.kind === "wrong-pin" || error.kind === "device-locked") {
    context.locked();
  } else if (error.status === 410) {
    context.ended("expired");
  } else if (error.status === 409) {
    context.ended("elsewhere");
  } else if (error.status === 404) {
    context.ended("gone");
  } else {
    trouble.textContent = error.status === 429 ? t.problem.busy : t.problem.other;
  }
}

/**
 * @param {Waiting} waiting
 * @param {number} now
 */
function timeLeft(waiting, now) {
  const seconds = Math.ceil((Date.parse(waiting.expires_at) - now) / 1000);
  return seconds <= 0 ? t.request.over : t.request.time(Math.floor(seconds / 60), seconds % 60);
}
