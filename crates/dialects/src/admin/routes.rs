//! Every endpoint of the admin API, in the order in which documentation lists them.

use super::{
    approval_bodies, approval_rows, bodies, decode, docs::*, encode::encode, rows, subject_bodies,
};
use crate::{Cors, Decoded, Delivery, Request, Route, wire::openapi::Doc};
use countersign_engine::{call::Callers, model::operator::Role};
use http::Method;

/// Bytes of a body that names a few members: lists of hosts, scopes and networks at their longest.
const MEMBERS_BYTES_MAX: usize = 64 * 1024;
/// Bytes of a list of guards: 256 of them, each at length.
const GUARDS_BYTES_MAX: usize = 512 * 1024;
/// Bytes of a body with a token: the longest token that we verify, and its member.
const TOKEN_BYTES_MAX: usize = 16 * 1024;
/// Bytes of a body with a number.
const NUMBER_BYTES_MAX: usize = 1024;

/// How much a body may hold.
enum Holds {
    Nothing,
    Number,
    Token,
    Members,
    Guards,
}

impl Holds {
    const fn bytes_max(self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Number => NUMBER_BYTES_MAX,
            Self::Token => TOKEN_BYTES_MAX,
            Self::Members => MEMBERS_BYTES_MAX,
            Self::Guards => GUARDS_BYTES_MAX,
        }
    }
}

const fn route(
    name: &'static str,
    method: Method,
    path: &'static str,
    role: Role,
    holds: Holds,
    decode: fn(&Request<'_>) -> Decoded,
    doc: Doc,
) -> Route {
    Route {
        name,
        method,
        path,
        callers: Callers::Operator(role),
        body_bytes_max: holds.bytes_max(),
        cors: Cors::No,
        delivery: Delivery::Once,
        decode,
        encode,
        doc,
    }
}

use Holds::{Guards, Members, Nothing, Number, Token};
use Role::{Editor, Owner, Viewer};

/// Reading needs a viewer, changing an editor, and everything about operators an owner.
#[rustfmt::skip] // two lines each: this is a table
pub(super) static ROUTES: &[Route] = &[
    route("admin.whoami", Method::GET, "/admin/v1/whoami", Viewer, Nothing, decode::whoami,
        tells::<rows::Operator>("Who am I?")),

    route("admin.environments.list", Method::GET, "/admin/v1/environments", Viewer, Nothing, decode::list_environments,
        lists::<rows::Environment>("List environments", &[LIMIT, CURSOR])),
    route("admin.environments.create", Method::POST, "/admin/v1/environments", Editor, Members, decode::create_environment,
        makes::<bodies::EnvironmentToMake, rows::Environment>("Make an environment; its signing keys are made within ten seconds, or when they are first needed", &[IDEMPOTENCY_KEY])),
    route("admin.environments.show", Method::GET, "/admin/v1/environments/{environment}", Viewer, Nothing, decode::show_environment,
        shows::<rows::Environment>("Show an environment", &[ENVIRONMENT])),
    route("admin.environments.amend", Method::PATCH, "/admin/v1/environments/{environment}", Editor, Members, decode::amend_environment,
        changes::<bodies::EnvironmentToChange, rows::Environment>("Change an environment", &[ENVIRONMENT, IF_MATCH])),
    route("admin.environments.end-tokens", Method::POST, "/admin/v1/environments/{environment}/end-tokens", Editor, Nothing, decode::end_tokens_of_environment,
        ends("Refuse every token issued in it until now", &[ENVIRONMENT], &[])),

    route("admin.organizations.list", Method::GET, "/admin/v1/organizations", Viewer, Nothing, decode::list_organizations,
        lists::<rows::Organization>("List organizations", &[LIMIT, CURSOR])),
    route("admin.organizations.create", Method::POST, "/admin/v1/organizations", Editor, Members, decode::create_organization,
        makes::<bodies::OrganizationToMake, rows::Organization>("Make an organization", &[IDEMPOTENCY_KEY])),
    route("admin.organizations.show", Method::GET, "/admin/v1/organizations/{organization}", Viewer, Nothing, decode::show_organization,
        shows::<rows::Organization>("Show an organization", &[ORGANIZATION])),
    route("admin.organizations.amend", Method::PATCH, "/admin/v1/organizations/{organization}", Editor, Members, decode::amend_organization,
        changes::<bodies::OrganizationToChange, rows::Organization>("Change an organization", &[ORGANIZATION, IF_MATCH])),
    route("admin.organizations.end-tokens", Method::POST, "/admin/v1/organizations/{organization}/end-tokens", Editor, Nothing, decode::end_tokens_of_organization,
        ends("Refuse every token issued to its clients until now", &[ORGANIZATION], &[])),

    route("admin.clients.list", Method::GET, "/admin/v1/environments/{environment}/clients", Viewer, Nothing, decode::list_clients,
        lists::<rows::Client>("List clients", &[ENVIRONMENT, OF_ORGANIZATION, LIMIT, CURSOR])),
    route("admin.clients.create", Method::POST, "/admin/v1/environments/{environment}/clients", Editor, Members, decode::create_client,
        makes::<bodies::ClientToMake, rows::Client>("Make a client", &[ENVIRONMENT, IDEMPOTENCY_KEY])),
    route("admin.clients.show", Method::GET, "/admin/v1/environments/{environment}/clients/{client}", Viewer, Nothing, decode::show_client,
        shows::<rows::Client>("Show a client", &[ENVIRONMENT, CLIENT])),
    route("admin.clients.amend", Method::PATCH, "/admin/v1/environments/{environment}/clients/{client}", Editor, Members, decode::amend_client,
        changes::<bodies::ClientToChange, rows::Client>("Change a client", &[ENVIRONMENT, CLIENT, IF_MATCH])),
    route("admin.clients.remove", Method::DELETE, "/admin/v1/environments/{environment}/clients/{client}", Editor, Nothing, decode::remove_client,
        ends("Remove a client for good", &[ENVIRONMENT, CLIENT, IF_MATCH], &[409, 412, 428])),
    route("admin.clients.end-tokens", Method::POST, "/admin/v1/environments/{environment}/clients/{client}/end-tokens", Editor, Nothing, decode::end_tokens_of_client,
        ends("Refuse every token issued to it until now", &[ENVIRONMENT, CLIENT], &[])),

    route("admin.credentials.create", Method::POST, "/admin/v1/environments/{environment}/clients/{client}/credentials", Editor, Members, decode::create_credential,
        makes::<bodies::CredentialToMake, rows::Credential>("Make a credential", &[ENVIRONMENT, CLIENT, IDEMPOTENCY_KEY])),
    route("admin.credentials.list", Method::GET, "/admin/v1/environments/{environment}/credentials", Viewer, Nothing, decode::list_credentials,
        lists::<rows::Credential>("List credentials", &[ENVIRONMENT, OF_CLIENT, LIMIT, CURSOR])),
    route("admin.credentials.show", Method::GET, "/admin/v1/environments/{environment}/credentials/{credential}", Viewer, Nothing, decode::show_credential,
        shows::<rows::Credential>("Show a credential", &[ENVIRONMENT, CREDENTIAL])),
    route("admin.credentials.amend", Method::PATCH, "/admin/v1/environments/{environment}/credentials/{credential}", Editor, Members, decode::amend_credential,
        changes::<bodies::CredentialToChange, rows::Credential>("Change a credential", &[ENVIRONMENT, CREDENTIAL, IF_MATCH])),
    route("admin.credentials.rotate", Method::POST, "/admin/v1/environments/{environment}/credentials/{credential}/rotate", Editor, Number, decode::rotate_credential,
        makes::<bodies::CredentialRotation, rows::Credential>("Make a successor; both work until the overlap is over", &[ENVIRONMENT, CREDENTIAL, IDEMPOTENCY_KEY])),
    route("admin.credentials.revoke", Method::POST, "/admin/v1/environments/{environment}/credentials/{credential}/revoke", Editor, Nothing, decode::revoke_credential,
        revokes::<rows::Credential>("Revoke a credential for good", &[ENVIRONMENT, CREDENTIAL])),

    route("admin.subjects.list", Method::GET, "/admin/v1/environments/{environment}/organizations/{organization}/subjects", Viewer, Nothing, decode::list_subjects,
        lists::<rows::Subject>("List the subjects of an organization", &[ENVIRONMENT, ORGANIZATION, LIMIT, CURSOR])),
    route("admin.subjects.create", Method::POST, "/admin/v1/environments/{environment}/organizations/{organization}/subjects", Editor, Members, decode::create_subject,
        makes::<subject_bodies::SubjectToMake, rows::Subject>("Make a subject", &[ENVIRONMENT, ORGANIZATION, IDEMPOTENCY_KEY])),
    route("admin.subjects.find", Method::POST, "/admin/v1/environments/{environment}/organizations/{organization}/subjects/find", Viewer, Members, decode::find_subject,
        finds::<subject_bodies::SubjectToFind, rows::Subject>("Find the subject that has a contact", &[ENVIRONMENT, ORGANIZATION])),
    route("admin.subjects.show", Method::GET, "/admin/v1/environments/{environment}/subjects/{subject}", Viewer, Nothing, decode::show_subject,
        shows::<rows::Subject>("Show a subject", &[ENVIRONMENT, SUBJECT])),
    route("admin.subjects.amend", Method::PATCH, "/admin/v1/environments/{environment}/subjects/{subject}", Editor, Members, decode::amend_subject,
        changes::<subject_bodies::SubjectToChange, rows::Subject>("Change a subject", &[ENVIRONMENT, SUBJECT, IF_MATCH])),
    route("admin.subjects.erase", Method::DELETE, "/admin/v1/environments/{environment}/subjects/{subject}", Editor, Nothing, decode::erase_subject,
        ends("Erase a subject: what is known of the person goes now, and everything of it is refused", &[ENVIRONMENT, SUBJECT, IF_MATCH], &[409, 412, 428])),
    route("admin.subjects.export", Method::GET, "/admin/v1/environments/{environment}/subjects/{subject}/export", Viewer, Nothing, decode::export_subject,
        gathers::<rows::SubjectExport>("All that is known of a subject", &[ENVIRONMENT, SUBJECT])),
    route("admin.subjects.end-tokens", Method::POST, "/admin/v1/environments/{environment}/subjects/{subject}/end-tokens", Editor, Nothing, decode::end_tokens_of_subject,
        ends("Refuse every session and token issued to it until now", &[ENVIRONMENT, SUBJECT], &[])),
    route("admin.subjects.send-password-link", Method::POST, "/admin/v1/environments/{environment}/subjects/{subject}/password-link", Editor, Nothing, decode::send_password_link,
        sends::<rows::PasswordLink>("Send it a link by which it chooses a password", &[ENVIRONMENT, SUBJECT])),
    route("admin.sessions.list", Method::GET, "/admin/v1/environments/{environment}/subjects/{subject}/sessions", Viewer, Nothing, decode::list_sessions,
        lists::<rows::Session>("List the sessions of a subject that live now", &[ENVIRONMENT, SUBJECT, LIMIT, CURSOR])),
    route("admin.sessions.end", Method::DELETE, "/admin/v1/environments/{environment}/subjects/{subject}/sessions/{session}", Editor, Nothing, decode::end_session,
        ends("End a session", &[ENVIRONMENT, SUBJECT, SESSION], &[])),

    route("admin.subjects.link-nonce", Method::POST, "/admin/v1/environments/{environment}/subjects/{subject}/link-nonce", Editor, Nothing, decode::link_subject,
        does::<approval_rows::LinkNonce>("Make a nonce that links a phone to it", &[ENVIRONMENT, SUBJECT])),

    route("admin.approvers.list", Method::GET, "/admin/v1/environments/{environment}/organizations/{organization}/approvers", Viewer, Nothing, decode::list_approvers,
        gathers::<approval_rows::Approvers>("List the approvers of an organization, all of them", &[ENVIRONMENT, ORGANIZATION])),
    route("admin.approvers.add", Method::POST, "/admin/v1/environments/{environment}/organizations/{organization}/approvers", Editor, Members, decode::add_approver,
        sets::<approval_bodies::ApproverToAdd, approval_rows::Approvers>("Add an approver; the answer lists all", &[ENVIRONMENT, ORGANIZATION])),
    route("admin.approvers.amend", Method::PATCH, "/admin/v1/environments/{environment}/organizations/{organization}/approvers/{approver}", Editor, Members, decode::amend_approver,
        sets::<approval_bodies::ApproverToChange, approval_rows::Approvers>("Change an approver; the answer lists all", &[ENVIRONMENT, ORGANIZATION, APPROVER])),
    route("admin.approvers.remove", Method::DELETE, "/admin/v1/environments/{environment}/organizations/{organization}/approvers/{approver}", Editor, Nothing, decode::remove_approver,
        does::<approval_rows::Approvers>("Remove an approver: its device approves for it no more. The answer lists the others", &[ENVIRONMENT, ORGANIZATION, APPROVER])),
    route("admin.approvers.link-nonce", Method::POST, "/admin/v1/environments/{environment}/organizations/{organization}/approvers/{approver}/link-nonce", Editor, Nothing, decode::link_approver,
        does::<approval_rows::LinkNonce>("Make a nonce that links a phone to an approver", &[ENVIRONMENT, ORGANIZATION, APPROVER])),
    route("admin.devices.list", Method::GET, "/admin/v1/environments/{environment}/devices", Viewer, Nothing, decode::list_devices,
        lists::<approval_rows::Device>("List devices", &[ENVIRONMENT, LIMIT, CURSOR])),
    route("admin.devices.show", Method::GET, "/admin/v1/environments/{environment}/devices/{device}", Viewer, Nothing, decode::show_device,
        gathers::<approval_rows::Device>("Show a device with its assets", &[ENVIRONMENT, DEVICE])),
    route("admin.devices.unlock", Method::POST, "/admin/v1/environments/{environment}/devices/{device}/unlock", Editor, Nothing, decode::unlock_device,
        does::<approval_rows::Device>("Let a device's PIN be tried again", &[ENVIRONMENT, DEVICE])),
    route("admin.devices.remove", Method::DELETE, "/admin/v1/environments/{environment}/devices/{device}", Editor, Nothing, decode::remove_device,
        ends("Remove a device for good, and destroy its keys", &[ENVIRONMENT, DEVICE], &[])),
    route("admin.approvals.list", Method::GET, "/admin/v1/environments/{environment}/approvals", Viewer, Nothing, decode::list_approvals,
        lists::<approval_rows::Approval>("List approvals, newest first", &[ENVIRONMENT, OF_ORGANIZATION, LIMIT, CURSOR])),
    route("admin.approvals.show", Method::GET, "/admin/v1/environments/{environment}/approvals/{approval}", Viewer, Nothing, decode::show_approval,
        shows::<approval_rows::Approval>("Show an approval, with its receipt", &[ENVIRONMENT, APPROVAL])),
    route("admin.clients.callbacks", Method::PUT, "/admin/v1/environments/{environment}/clients/{client}/callbacks", Editor, Members, decode::set_callbacks,
        makes::<approval_bodies::CallbacksToSet, rows::Client>("Set where a service provider hears of changes; the secret that signs is made with the first address, and forgotten with the last", &[ENVIRONMENT, CLIENT, IDEMPOTENCY_KEY])),

    route("admin.guards.show", Method::GET, "/admin/v1/environments/{environment}/guards", Viewer, Nothing, decode::show_guards,
        shows::<rows::Guards>("Show the guards", &[ENVIRONMENT])),
    route("admin.guards.amend", Method::PUT, "/admin/v1/environments/{environment}/guards", Editor, Guards, decode::amend_guards,
        changes::<bodies::GuardsToSet, rows::Guards>("Set the guards, all of them", &[ENVIRONMENT, IF_MATCH])),

    route("admin.key-sets.list", Method::GET, "/admin/v1/environments/{environment}/key-sets", Viewer, Nothing, decode::list_key_sets,
        lists::<rows::KeySet>("List key sets", &[ENVIRONMENT, LIMIT, CURSOR])),
    route("admin.key-sets.show", Method::GET, "/admin/v1/environments/{environment}/key-sets/{set}", Viewer, Nothing, decode::show_key_set,
        shows::<rows::KeySet>("Show a key set", &[ENVIRONMENT, SET])),
    route("admin.key-sets.rotate", Method::POST, "/admin/v1/environments/{environment}/key-sets/{set}/rotate", Editor, Number, decode::rotate_keys,
        turns::<bodies::KeyRotation, rows::KeySet>("Retire the current key, promote the next, make a new next", &[ENVIRONMENT, SET])),

    // A token stands in the body and never in a path: paths are logged.
    route("admin.tokens.inspect", Method::POST, "/admin/v1/environments/{environment}/tokens/inspect", Viewer, Token, decode::inspect_token,
        looks_at::<bodies::TokenBody, rows::Inspection>("What is this token?", &[ENVIRONMENT])),
    route("admin.tokens.revoke", Method::POST, "/admin/v1/environments/{environment}/tokens/revoke", Editor, Token, decode::revoke_token,
        ends_named::<bodies::TokenBody>("Revoke a token", &[ENVIRONMENT])),

    route("admin.webhooks.list", Method::GET, "/admin/v1/environments/{environment}/webhooks", Viewer, Nothing, decode::list_webhooks,
        lists::<rows::Webhook>("List the webhook subscriptions of an organization", &[ENVIRONMENT, WHOSE, LIMIT, CURSOR])),
    route("admin.webhooks.create", Method::POST, "/admin/v1/environments/{environment}/webhooks", Editor, Members, decode::create_webhook,
        makes::<bodies::WebhookToMake, rows::Webhook>("Make a webhook subscription", &[ENVIRONMENT, IDEMPOTENCY_KEY])),
    route("admin.webhooks.show", Method::GET, "/admin/v1/environments/{environment}/webhooks/{webhook}", Viewer, Nothing, decode::show_webhook,
        shows::<rows::Webhook>("Show a webhook subscription", &[ENVIRONMENT, WEBHOOK])),
    route("admin.webhooks.amend", Method::PATCH, "/admin/v1/environments/{environment}/webhooks/{webhook}", Editor, Members, decode::amend_webhook,
        changes::<bodies::WebhookToChange, rows::Webhook>("Change a webhook subscription", &[ENVIRONMENT, WEBHOOK, IF_MATCH])),
    route("admin.webhooks.remove", Method::DELETE, "/admin/v1/environments/{environment}/webhooks/{webhook}", Editor, Nothing, decode::remove_webhook,
        ends("Remove a webhook subscription, with what still waits for it", &[ENVIRONMENT, WEBHOOK, IF_MATCH], &[409, 412, 428])),
    route("admin.webhooks.rotate", Method::POST, "/admin/v1/environments/{environment}/webhooks/{webhook}/rotate", Editor, Number, decode::rotate_webhook,
        makes::<bodies::WebhookRotation, rows::Webhook>("Make a new secret; both sign until the overlap is over", &[ENVIRONMENT, WEBHOOK, IDEMPOTENCY_KEY])),
    route("admin.deliveries.list", Method::GET, "/admin/v1/environments/{environment}/deliveries", Viewer, Nothing, decode::list_deliveries,
        lists::<rows::Delivery>("List what waits to leave, oldest first", &[ENVIRONMENT, LIMIT, CURSOR])),
    route("admin.dead-letters.list", Method::GET, "/admin/v1/environments/{environment}/dead-letters", Viewer, Nothing, decode::list_dead_letters,
        lists::<rows::Delivery>("List what was given up, oldest first", &[ENVIRONMENT, LIMIT, CURSOR])),
    route("admin.deliveries.show", Method::GET, "/admin/v1/environments/{environment}/deliveries/{delivery}", Viewer, Nothing, decode::show_delivery,
        shows::<rows::Delivery>("Show a delivery", &[ENVIRONMENT, DELIVERY])),
    route("admin.deliveries.replay", Method::POST, "/admin/v1/environments/{environment}/deliveries/{delivery}/replay", Editor, Nothing, decode::replay_delivery,
        ends("Try a delivery again at once; a dead letter as often as a new one", &[ENVIRONMENT, DELIVERY], &[409])),
    route("admin.deliveries.discard", Method::POST, "/admin/v1/environments/{environment}/deliveries/{delivery}/discard", Editor, Nothing, decode::discard_delivery,
        ends("Take a delivery away for good", &[ENVIRONMENT, DELIVERY], &[409])),

    route("admin.operators.list", Method::GET, "/admin/v1/operators", Owner, Nothing, decode::list_operators,
        lists::<rows::Operator>("List operators", &[LIMIT, CURSOR])),
    route("admin.operators.create", Method::POST, "/admin/v1/operators", Owner, Members, decode::create_operator,
        makes::<bodies::OperatorToMake, rows::Operator>("Make an operator with its first token", &[IDEMPOTENCY_KEY])),
    route("admin.operators.show", Method::GET, "/admin/v1/operators/{operator}", Owner, Nothing, decode::show_operator,
        shows::<rows::Operator>("Show an operator", &[OPERATOR])),
    route("admin.operators.amend", Method::PATCH, "/admin/v1/operators/{operator}", Owner, Members, decode::amend_operator,
        changes::<bodies::OperatorToChange, rows::Operator>("Change an operator", &[OPERATOR, IF_MATCH])),
    route("admin.operators.tokens.create", Method::POST, "/admin/v1/operators/{operator}/tokens", Owner, Members, decode::create_operator_token,
        makes::<bodies::OperatorTokenToMake, rows::Credential>("Make another token of an operator", &[OPERATOR, IDEMPOTENCY_KEY])),
    route("admin.operator-tokens.list", Method::GET, "/admin/v1/operator-tokens", Owner, Nothing, decode::list_operator_tokens,
        lists::<rows::Credential>("List the tokens of operators", &[LIMIT, CURSOR])),
    route("admin.operator-tokens.revoke", Method::POST, "/admin/v1/operator-tokens/{token}/revoke", Owner, Nothing, decode::revoke_operator_token,
        revokes::<rows::Credential>("Revoke the token of an operator", &[TOKEN])),

    route("admin.audit.list", Method::GET, "/admin/v1/audit", Viewer, Nothing, decode::list_audit,
        lists::<rows::AuditEvent>("List audit lines, newest first", &[OF_ENVIRONMENT, OF_ORGANIZATION, SINCE, LIMIT, CURSOR])),
];
