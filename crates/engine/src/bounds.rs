//! Every bound of the program, each with its reason. A limit on everything.

use crate::model::credential::RateLimit;
use std::time::Duration;

/// Bytes of one scope: more than any published API uses.
pub const SCOPE_BYTES_MAX: usize = 128;
/// Scopes in one set.
pub const SCOPES_MAX: usize = 100;
/// Bytes of a printed set of scopes, checked before it is split.
pub const SCOPES_BYTES_MAX: usize = 4096;
/// Bytes of a compact JWS that we verify: twice what a large access token needs.
pub const TOKEN_BYTES_MAX: usize = 8 * 1024;
/// Bytes of a secret as shown: ours have 51, Ayyeka's 44, patterns of others stay below this.
pub const SECRET_BYTES_MAX: usize = 512;
/// Bytes of a free text such as a comment or a display name.
pub const TEXT_BYTES_MAX: usize = 256;
/// Guards of one environment: they are read one after the other.
pub const GUARDS_MAX: usize = 256;
/// Patterns, hosts, methods or origins in one guard.
pub const GUARD_LIST_MAX: usize = 32;
/// Hosts, origins or dialects of one environment.
pub const ENVIRONMENT_LIST_MAX: usize = 64;
/// Live credentials of one client: enough for a rotation in every region, few enough to list in one page.
pub const CREDENTIALS_PER_CLIENT_MAX: usize = 100;
/// How often one network may use a registration token that was given no limit of its own: a page that asks for
/// something every second, and thirty things at once when it opens. It is published, so anyone has it.
pub const REGISTRATION_TOKEN_RATE: RateLimit = RateLimit {
    per_minute: 60,
    burst: 30,
};
/// How long a credential that lapsed is still shown to operators, before it is swept.
pub const LAPSED_CREDENTIAL_FOR: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// Credentials of one client that are read at most, lapsed ones included.
pub const CREDENTIALS_READ_MAX: usize = 1000;
/// Resources of one client or one request (RFC 8707).
pub const RESOURCES_MAX: usize = 16;
/// Networks of one credential.
pub const NETWORKS_MAX: usize = 32;
/// Retired signing keys in a set: a token without `kid` may have to be tried with each of them.
pub const RETIRED_KEYS_MAX: usize = 3;
/// Tag keys of one environment: the current one and three retired.
pub const TAG_KEYS_MAX: usize = 4;
/// Rows of a page, at most and unless asked.
pub const PAGE_ROWS_MAX: u32 = 200;
/// Rows of a page that was not asked for a size.
pub const PAGE_ROWS_DEFAULT: u32 = 50;
/// How often a change is loaded and decided again after conflicts, before the answer is 503.
pub const CONFLICT_TRIES_MAX: usize = 8;
/// How long an idempotent creation tells its secret again.
pub const IDEMPOTENT_SECRET_FOR: Duration = Duration::from_secs(10 * 60);
/// How long an idempotency key is remembered.
pub const IDEMPOTENCY_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// The longest overlap of a rotation.
pub const OVERLAP_MAX: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// How long whoever reads the public keys may keep them: the `max-age` of that answer.
pub const KEY_SET_CACHED_FOR: Duration = Duration::from_secs(5 * 60);
/// How old a next key is before it may sign: until then some keep a set without it. A minute more than they
/// may keep it, for a key has its date before its pair is made.
pub const NEXT_KEY_KNOWN_AFTER: Duration = Duration::from_secs(6 * 60);
/// The longest life of an access token.
pub const TOKEN_LIFETIME_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// The longest life of a client's assertion (RFC 7523): it must be remembered as long.
pub const ASSERTION_LIFETIME_MAX: Duration = Duration::from_secs(5 * 60);
/// Keys of one client that an assertion is tried with: the old and the new one of a rotation.
pub const KEYS_TRIED_MAX: usize = 2;
/// How far a signer's clock may be ahead of ours.
pub const CLOCK_SKEW_MAX: Duration = Duration::from_secs(10);
/// A cached fact is used only while the feed was last read this recently (promise: 2 s at most).
pub const FEED_FRESH_FOR: Duration = Duration::from_millis(1500);
/// How often each node reads the feed.
pub const FEED_EVERY: Duration = Duration::from_millis(200);
/// How long a feed row lives: far longer than any node may lag and still be fresh.
pub const FEED_ROWS_FOR: Duration = Duration::from_secs(10 * 60);
/// The longest a cached fact is used, whatever the feed says.
pub const FACT_FOR: Duration = Duration::from_secs(60);
/// The longest that the absence of a row is cached.
pub const ABSENCE_FOR: Duration = Duration::from_secs(2);
/// Facts of decisions kept, of all environments: a million take about a gigabyte, so a tenth of it.
pub const FACTS_MAX: usize = 100_000;
/// Hosts whose environment is kept in memory, with and without ports.
pub const HOSTS_KEPT_MAX: usize = 4096;
/// Bytes of a host with its port: 253 of a name (RFC 1035 section 2.3.4), and what a port or an IPv6 literal adds.
pub const HOST_BYTES_MAX: usize = 261;
/// Rows kept in the cache before the store.
pub const CACHED_ROWS_MAX: usize = 200_000;
/// Observations that wait to be written; what comes when it is full is counted and dropped.
pub const OBSERVATIONS_MAX: usize = 16 * 1024;
/// How long a signed assertion of identity is used again.
pub const IDENTITY_ASSERTION_FOR: Duration = Duration::from_secs(30);
/// How long a signed assertion of identity is valid.
pub const IDENTITY_ASSERTION_VALID_FOR: Duration = Duration::from_secs(60);
/// How long audit lines are kept, unless configured.
pub const AUDIT_FOR: Duration = Duration::from_secs(400 * 24 * 60 * 60);
/// Rate limits that are being counted, per node.
pub const RATE_KEYS_MAX: usize = 100_000;
/// Active sessions that a subject may be issued within an hour (Quiltt).
pub const SESSIONS_PER_HOUR: usize = 10;
/// Active sessions that a subject may be issued within a day, which is also how long they live (Quiltt).
pub const SESSIONS_PER_DAY: usize = 20;
/// Webhook subscriptions of one organization in one environment: each event is written once for each.
pub const SUBSCRIPTIONS_PER_ORGANIZATION_MAX: u32 = 20;
/// Bytes of the URL that webhooks go to.
pub const TARGET_URL_BYTES_MAX: usize = 2048;
/// Deliveries to one destination that are under way at once: a slow receiver holds up no other.
pub const DELIVERIES_PER_DESTINATION_MAX: u32 = 4;
/// How long a dead letter can be looked at and replayed.
pub const DEAD_LETTER_FOR: Duration = Duration::from_secs(400 * 24 * 60 * 60);
/// Dead letters that go in one write of the store, when their subscription is removed.
pub const DEAD_LETTERS_BATCH: u32 = 500;
/// Such writes at most, of some milliseconds each: what is left is forgotten in its time.
pub const DEAD_LETTERS_BATCHES_MAX: usize = 200;
/// Deliveries about one person that its erasure takes along, in one commit with the rest: first what waits. Mails beyond
/// them are not sent, and dead letters forgotten in their time.
pub const ERASED_DELIVERIES_MAX: usize = 900;
/// Members of what an owner notes of a thing (Quiltt's metadata).
pub const METADATA_MEMBERS_MAX: usize = 50;
/// Bytes of the same, as JSON.
pub const METADATA_BYTES_MAX: usize = 8 * 1024;
/// Calls of one node that wait to change the same row: more than any honest client sends at once.
pub const LANE_WAITING_MAX: usize = 64;
/// The longest life of a session that a client signs itself (Quiltt): as long as ours.
pub const SELF_SIGNED_LIFETIME_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// Rows of one organization, erased profiles included, that a numbered page reads at most: those before it, and those
/// behind it to count them.
pub const PROFILES_READ_MAX: u64 = 20_000;
/// Subjects of one organization in one environment, erased ones included: about a gigabyte of rows.
pub const SUBJECTS_PER_ORGANIZATION_MAX: u32 = 1_000_000;
/// Subjects of one organization up to which people may sign up by themselves: strangers must not fill what its own
/// servers need.
pub const SIGN_UPS_UP_TO: u32 = 100_000;
/// How long such a count is believed: what is made meanwhile comes on top.
pub const SUBJECTS_COUNTED_FOR: Duration = Duration::from_secs(60);
/// Organizations whose subjects' count is kept.
pub const POPULATIONS_KEPT_MAX: usize = 1024;
/// How long a passcode is good.
pub const PASSCODE_FOR: Duration = Duration::from_secs(10 * 60);
/// Guesses at one passcode from the network that asked for it.
pub const PASSCODE_TRIES: u8 = 5;
/// Guesses at one passcode from all other networks together, so twenty in all: from elsewhere its owner needs one or two,
/// and twenty guesses hit one code of fifty thousand.
pub const PASSCODE_TRIES_ELSEWHERE_MAX: u8 = 15;
/// Characters of a password, at least: NIST SP 800-63B-4 section 3.1.1.2 asks for fifteen where it is the only factor.
pub const PASSWORD_CHARS_MIN: usize = 15;
/// Bytes of a password, looked at before anything is hashed: sixty-four characters of any script fit four times over.
pub const PASSWORD_BYTES_MAX: usize = 1024;
/// How long a session lives that somebody logged in for: two weeks, as BitCanuck prints it.
pub const LOGIN_SESSION_FOR: Duration = Duration::from_secs(14 * 24 * 60 * 60);
/// Kept sessions of one subject: one more, and the oldest goes.
pub const SESSIONS_PER_SUBJECT_MAX: u32 = 100;
/// Wrong guesses at an account from one network before the next one has to wait.
pub const GUESSES_FREE: u32 = 5;
/// The same from the networks of one IPv6 site together: four of them.
pub const GUESSES_OF_SITE_FREE: u32 = 20;
/// The first wait after those; it doubles with each further guess.
pub const GUESS_WAIT_MIN: Duration = Duration::from_secs(10);
/// The longest such wait.
pub const GUESS_WAIT_MAX: Duration = Duration::from_secs(15 * 60);
/// Wrong guesses at an account from everywhere before all strangers together get one in [`GUESS_WAIT_MIN`]: NIST
/// SP 800-63B-4 section 3.2.2 allows a hundred. Never a lock: that would be a way to keep somebody out.
pub const GUESSES_ANYWHERE_MAX: u32 = 100;
/// How long the guesses at an account are remembered: alike whether it exists or not, or waits would tell.
pub const GUESSES_OF_STRANGERS_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// How long the networks are remembered that an account was opened from.
pub const GUESSES_FOR: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How long a link for a new password is good.
pub const RESET_FOR: Duration = Duration::from_secs(30 * 60);
/// How long a link for a password is good that an operator sent: it comes unasked, and NIST SP 800-63A-4 section 3.8 gives a
/// code by e-mail a day.
pub const PASSWORD_LINK_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// Such links to one subject within an hour: a mailbox is not for operators' scripts to fill.
pub const PASSWORD_LINKS_MAX: u32 = 6;
/// The longest life of a platform's token: what was spent must be remembered as long.
pub const PLATFORM_TOKEN_LIFETIME_MAX: Duration = Duration::from_secs(60 * 60);
/// How long the emptied row of an erased subject stays, to refuse by name what still hangs on it: longer than any
/// session (14 days, BitCanuck's), token, window or ticket lives.
pub const ERASED_SUBJECT_FOR: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Rows of one kind that the export of a subject holds.
pub const EXPORT_ROWS_MAX: usize = 10_000;
/// Audit lines of the organization that are read for the export of one of its subjects, newest first.
pub const EXPORT_AUDIT_READ_MAX: usize = 100_000;
/// How long a nonce can be typed in: what a person needs to find the phone, and no time to guess nine digits.
pub const IDENTIFICATION_FOR: Duration = Duration::from_secs(10 * 60);
/// How long an identification that ended can still be read by whoever polls it.
pub const IDENTIFICATION_KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// Digits of a nonce, as Ubiqu prints them.
pub const NONCE_DIGITS: usize = 9;
/// How often one device may type in a nonce that is not there, in a row: a billion nonces, thousands of them live.
pub const NONCE_GUESS_RATE: RateLimit = RateLimit {
    per_minute: 6,
    burst: 10,
};
/// How often one network may type in nonces that are not there: anyone can enrol devices, each with guesses of its own.
pub const NONCE_GUESSES_OF_NETWORK: RateLimit = RateLimit {
    per_minute: 30,
    burst: 60,
};
/// The same of an IPv6 /48, which is one site's (RFC 6177) and has 65,536 of those networks; of a carrier's it is many
/// people's, so four times as often.
pub const NONCE_GUESSES_OF_SITE: RateLimit = RateLimit {
    per_minute: 120,
    burst: 240,
};
/// The same of everybody in an environment together. With three thousand live nonces of a billion, which is what one busy
/// service provider shows, strangers hit one in nine hours. It takes twenty networks or five IPv6 sites that guess at their most to
/// reach it, and two minutes to be forgotten.
pub const NONCE_GUESSES_ANYWHERE: RateLimit = RateLimit {
    per_minute: 600,
    burst: 1_200,
};
/// How often one service provider may show a nonce: a busy page, and some thousands of nonces live at once.
pub const IDENTIFICATION_RATE: RateLimit = RateLimit {
    per_minute: 300,
    burst: 300,
};
/// How often one person may be shown a nonce that links a device.
pub const LINK_NONCE_RATE: RateLimit = RateLimit {
    per_minute: 2,
    burst: 5,
};
/// How long a request waits for a device's answer.
pub const APPROVAL_FOR: Duration = Duration::from_secs(5 * 60);
/// How long after its end a worker notes that nobody answered or typed it in: what arrived in time may still be under way.
pub const LAPSES_NOTED_AFTER: Duration = Duration::from_secs(25);
/// How long a finished approval is kept: as long as audit lines.
pub const APPROVAL_KEPT_FOR: Duration = AUDIT_FOR;
/// How long a key of receipts stays published after it last signed: as long as its receipts can be fetched here.
pub const RECEIPT_KEY_KEPT_FOR: Duration = APPROVAL_KEPT_FOR;
/// Retired keys of receipts that are published: a rotation each month for as long as one is kept, and some after leaks.
/// A receipt names its key, so none is tried.
pub const RETIRED_RECEIPT_KEYS_MAX: usize = 20;
/// Bytes of a receipt: of as many answers as there can be, three times over.
pub const RECEIPT_BYTES_MAX: usize = 128 * 1024;
/// How long a proxy may repeat the very request that used an approval up.
pub const APPROVAL_REPEATED_FOR: Duration = Duration::from_secs(10);
/// Requests that wait for one device: more would be a way to tire somebody into approving.
pub const WAITING_PER_DEVICE_MAX: usize = 3;
/// Of those, requests of one service provider: who asks one for all it may keeps no other from being answered.
pub const WAITING_OF_ONE_PROVIDER_MAX: usize = 2;
/// Requests of one service provider that wait for devices.
pub const WAITING_PER_PROVIDER_MAX: u32 = 1_000;
/// Requests of one organization that wait for devices.
pub const WAITING_PER_ORGANIZATION_MAX: u32 = 5_000;
/// How often people may be asked by one caller, or with one asset, in the long run and at once. Each request is a row that
/// is kept for [`APPROVAL_KEPT_FOR`], answered or not, and nobody answers one a second: 34 million rows is the most that
/// one caller can leave.
pub const ASKING_RATE: RateLimit = RateLimit {
    per_minute: 60,
    burst: 600,
};
/// Wrong PINs in a row before a device and its assets are locked: one in two hundred thousand is a thief's chance at
/// six digits.
pub const PIN_TRIES: u8 = 5;
/// Digits of a PIN: at least.
pub const PIN_DIGITS_MIN: usize = 6;
/// Digits of a PIN: at most.
pub const PIN_DIGITS_MAX: usize = 12;
/// Assets of one device: it is rewritten with each, and all of them are locked in one commit.
pub const ASSETS_PER_DEVICE_MAX: usize = 32;
/// For how many people and organizations one device approves.
pub const LINKS_PER_DEVICE_MAX: usize = 32;
/// Devices of one subject.
pub const DEVICES_PER_SUBJECT_MAX: usize = 4;
/// Approvers of one organization in an environment: they are one row.
pub const APPROVERS_MAX: usize = 100;
/// Groups of one approver.
pub const APPROVER_GROUPS_MAX: usize = 16;
/// People who are asked for one countersignature at most: each device's row changes with it.
pub const SEATS_MAX: usize = 16;
/// How long a device that was never used for anything stays: anyone can enrol one.
pub const UNUSED_DEVICE_FOR: Duration = Duration::from_secs(60 * 60);
/// How long a destroyed asset is still shown: a day longer than any approval by its keys, whose signatures are checked
/// with it at each reading.
pub const DESTROYED_ASSET_FOR: Duration = Duration::from_secs(401 * 24 * 60 * 60);
/// How far a device's clock may be from ours, either way.
pub const DEVICE_CLOCK_SKEW_MAX: Duration = Duration::from_secs(60);
/// How long a request that waits for news is held.
pub const LONG_POLL_FOR: Duration = Duration::from_secs(25);
/// How long a stream of news lasts: then its reader signs anew.
pub const EVENTS_FOR: Duration = Duration::from_secs(60);
/// Requests of one node that are held at once, waiting for news.
pub const HELD_REQUESTS_MAX: usize = 4096;
/// Of these, how many may wait for news of one device or one approval: a page in some tabs, and whoever asked.
pub const HELD_OF_ROW_MAX: usize = 16;
/// And how many may come from one network: a quarter, so that no one of them takes all.
pub const HELD_OF_NETWORK_MAX: usize = HELD_REQUESTS_MAX / 4;
/// Bytes of the sentence that a guard makes: it has to be read on a phone.
pub const SENTENCE_BYTES_MAX: usize = 1024;
/// Bytes of a request target that can be countersigned: what is bound is shown whole.
pub const BOUND_TARGET_BYTES_MAX: usize = 2048;
/// How often one network may enrol devices.
pub const ENROLMENT_RATE: RateLimit = RateLimit {
    per_minute: 10,
    burst: 30,
};
/// How often one network may register service providers.
pub const REGISTRATION_RATE: RateLimit = RateLimit {
    per_minute: 2,
    burst: 5,
};
/// How often the state of one approval or identification may be asked for: twice a second, and some at once.
pub const POLL_RATE: RateLimit = RateLimit {
    per_minute: 120,
    burst: 60,
};
/// How often one network may ask about approvals that are not there: nobody who was told an identifier does, and each costs
/// a look-up.
pub const POLL_MISSES_OF_NETWORK: RateLimit = RateLimit {
    per_minute: 120,
    burst: 120,
};
/// Bytes of what a service provider wants decrypted, and of the key beside it: one RSA-2048 block.
pub const CIPHER_BYTES: usize = 256;
