// Every sentence of the page. Another language is another object of the same shape, and a line in LANGUAGES.

const ENGLISH = {
  title: "Countersign",
  skip: "Skip to content",
  nav: { label: "Sections", requests: "Requests", code: "Type in", device: "This phone" },
  connection: {
    live: "Connected",
    connecting: "Connecting…",
    offline: "Offline",
    away: "Not connected",
    paused: "Paused",
  },
  offline: {
    title: "You are offline",
    text: "Nothing can be shown or approved until this phone is connected again. Requests that are waiting will appear by themselves.",
  },
  away: {
    /** @param {number} s */
    text: (s) => `The server cannot be reached. Trying again in ${s} s.`,
  },
  insecure: {
    title: "This page needs a secure connection",
    text: "Your browser makes keys only for pages that come over https. This page did not, so it cannot be your phone.",
    advice: "Open its address with https:// in front. If that does not work, tell whoever runs this server.",
  },
  unknown: {
    title: "This phone is not known any more",
    text: "It was removed, or it was never linked to anything within an hour of being set up.",
    again: "Set it up again",
  },
  broken: {
    title: "This browser cannot keep a key",
    text: "Its storage is closed to this page, as in some private windows. Open the page in an ordinary window.",
  },
  setup: {
    title: "Make this your phone for approvals",
    /** @param {string} environment */
    lead: (environment) =>
      `When somebody asks for something in your name at ${environment}, this phone shows you what it is, and you decide.`,
    key: "A key is made in this browser and never leaves it. Your PIN protects it.",
    name: "Name of this phone",
    nameHint: "So that you recognise it later, such as “Ada’s phone”.",
    pin: "Choose a PIN",
    pinHint: "6 to 12 digits, not a run such as 123456.",
    again: "The same PIN again",
    submit: "Set up",
    working: "Making a key…",
    done: "This phone is set up.",
    name_missing: "Give this phone a name.",
    pin_digits: "A PIN has 6 to 12 digits.",
    pin_differs: "The two PINs differ.",
  },
  requests: {
    title: "Requests",
    notKnown: "What is waiting for you shows as soon as this phone is connected.",
    none: "Nothing is waiting for you",
    noneText: "When somebody asks, it appears here. You can leave this page open.",
    notLinked: "This phone is not linked to anything yet. Type in the code that a page or an operator shows you.",
    open: "Look at it",
    /** @param {string} who */
    arrived: (who) => `A new request from ${who} is waiting.`,
  },
  request: {
    back: "All requests",
    by: "Asked by",
    forUser: "In the name of",
    what: "What exactly",
    kind: {
      countersign: "A request to an API",
      authenticate: "Confirm that you are there",
      sign: "Sign a document",
      decrypt: "Decrypt something for the asker",
    },
    method: "Method",
    host: "Host",
    path: "Path",
    parameters: "Parameters",
    parameter: "Name",
    value: "Value",
    empty: "empty",
    noParameters: "None",
    body: "Body",
    bodyNone: "None",
    bodyBound: "There is one, which is not shown here. Its digest:",
    raw: "The whole target, as sent",
    fingerprint: "Fingerprint of the data",
    resource: "Where the document stands",
    asset: "Your key",
    environment: "Where",
    approvers: "Who decides",
    ownDecision: "You alone",
    /** @param {number} needed @param {string} group */
    groupDecision: (needed, group) => `${needed} of the group ${group}`,
    code: "Compare this code",
    codeText: "The page that asks shows the same code. If it shows another, or none, reject.",
    left: "Time left",
    /** @param {number} m @param {number} s */
    time: (m, s) => (m > 0 ? `${m} min ${s} s` : `${s} s`),
    over: "Over",
    almostOver: "Less than a minute is left.",
    pin: "Your PIN",
    approve: "Approve",
    reject: "Reject",
    rejectSure: "Reject this request?",
    rejectYes: "Yes, reject",
    rejectNo: "No, go back",
    working: "Signing…",
    unreadable: "This request cannot be shown, so it must not be approved.",
  },
  answered: {
    approved: "Approved",
    approvedText: "It was signed with your key.",
    counted: "Your approval counts",
    countedText: "Others have to approve as well.",
    rejected: "Rejected",
    rejectedText: "Whoever asked is told that you said no.",
    expired: "Too late",
    expiredText: "The time for this request is over. Nothing was approved.",
    elsewhere: "Already answered",
    elsewhereText: "It was answered or used elsewhere, or a moment ago. The first answer stands.",
    failed: "Approved, but it could not be done",
    failedText: "What was asked for could not be decrypted.",
    gone: "There is no such request",
    goneText: "It may be over by now.",
    back: "Back to requests",
  },
  pin: {
    missing: "Type your PIN: 6 to 12 digits.",
    /** @param {number} n */
    wrong: (n) => (n === 1 ? "Wrong PIN. One try is left." : `Wrong PIN. ${n} tries are left.`),
  },
  locked: {
    title: "This phone is locked",
    text: "Too many wrong PINs were typed. Nothing can be approved with it until an operator unlocks it.",
  },
  code: {
    title: "Type in a code",
    text: "A page or an operator shows you nine digits. Typing them in tells them that this is your phone.",
    label: "The nine digits",
    hint: "Such as 194 197 169. It is good for ten minutes.",
    submit: "Type in",
    wrongForm: "The code has nine digits.",
    wrong: "There is no such code. It may be over: ask for a new one.",
    broughtTitle: "Use the code from this link?",
    /** @param {string} code */
    brought: (code) => `The link that you followed brings the code ${code}.`,
    broughtWarning: "Go on only if you asked for it yourself. Whoever showed it will be able to send requests to this phone.",
    broughtYes: "Yes, use it",
    broughtNo: "No",
    broughtSetup: "First set up this phone; then you are asked about the code from the link.",
    done: {
      provider: "knows this phone now and can ask you.",
      registration: "is confirmed.",
      subject: "This phone answers for you from now on.",
      approver: "This phone answers for you as an approver from now on.",
    },
    another: "Type in another",
  },
  device: {
    title: "This phone",
    name: "Name",
    id: "Device id",
    environment: "At",
    state: "State",
    active: "Ready",
    lockedState: "Locked",
    /** @param {number} n */
    tries: (n) => (n === 1 ? "One PIN try is left" : `${n} PIN tries are left`),
    links: "It answers for",
    noLinks: "Nobody yet.",
    subject: "User",
    approver: "Approver",
    /** @param {string} id @param {string} organization */
    approverOf: (id, organization) => `${id} of ${organization}`,
    assets: "Who can ask it",
    noAssets: "Nobody yet.",
    countersigned: "Requests to the API",
    assetState: { active: "ready", locked: "locked", destroyed: "ended" },
    forget: "Forget this phone",
    forgetText: "Deletes the key from this browser. It cannot be brought back; an operator should remove the phone as well.",
    forgetSure: "Delete the key for good?",
    forgetYes: "Yes, delete it",
    forgetNo: "No, keep it",
  },
  problem: {
    network: "The server could not be reached. Nothing was sent twice; try again.",
    busy: "Too often. Try again in a moment.",
    other: "That did not work. Try again in a moment.",
  },
};

/** @typedef {typeof ENGLISH} Texts */

/** @type {Record<string, Texts>} */
const LANGUAGES = { en: ENGLISH };

/** The first language of this browser that the page has. */
const known = navigator.languages.map((tag) => tag.split("-")[0] ?? "").find((tag) => tag in LANGUAGES);

/** What the page's language is called in HTML. */
export const language = known ?? "en";

/** @type {Texts} */
export const t = LANGUAGES[language] ?? ENGLISH;
