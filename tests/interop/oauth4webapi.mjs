// oauth4webapi: the same, step by step, with a resource (RFC 8707), and the token checked by RFC 9068.
import { readFileSync } from 'node:fs'
import { importPKCS8 } from 'jose'
import * as oauth from 'oauth4webapi'

const facts = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const { backend, encoded, signer } = facts
const issuer = new URL(facts.issuer)
const sites = new URL(`${facts.api}/api/sites`)
// The server of the test is on loopback, without TLS.
const plain = { [oauth.allowInsecureRequests]: true }

async function discovered(algorithm) {
  const response = await oauth.discoveryRequest(issuer, { algorithm, ...plain })
  return oauth.processDiscoveryResponse(issuer, response)
}

const as = await discovered('oauth2')

async function granted(client, authentication, parameters) {
  const response = await oauth.clientCredentialsGrantRequest(as, client, authentication, parameters, plain)
  return oauth.processClientCredentialsResponse(as, client, response)
}

async function introspected(client, authentication, token) {
  const response = await oauth.introspectionRequest(as, client, authentication, token, plain)
  return oauth.processIntrospectionResponse(as, client, response)
}

function reach(token) {
  return oauth.protectedResourceRequest(token, 'GET', sites, undefined, undefined, plain)
}

// The challenge that the library reads from the answer.
async function refused(token) {
  try {
    return { status: (await reach(token)).status }
  } catch (error) {
    return { status: error.status, challenge: error.cause[0] }
  }
}

async function life(id, authentication) {
  const client = { client_id: id }
  const { access_token, token_type } = await granted(client, authentication, { scope: 'read' })
  const reached = await reach(access_token)
  const about = await introspected(client, authentication, access_token)
  await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, authentication, access_token, plain))
  const { status, challenge } = await refused(access_token)
  return {
    token_type,
    passed: reached.status,
    identity: await reached.json(),
    introspected: about,
    refused: status,
    challenge,
    introspected_after: await introspected(client, authentication, access_token),
  }
}

// What a resource server that uses the library believes of a token.
async function believed(token, audience) {
  const request = new Request(sites, { headers: { authorization: `Bearer ${token}` } })
  try {
    return await oauth.validateJwtAccessToken(as, request, audience, plain)
  } catch (error) {
    return error.name
  }
}

const rs256 = await importPKCS8(signer.rs256, 'RS256')
const es256 = await importPKCS8(signer.es256, 'ES256')
const basic = oauth.ClientSecretBasic(backend.secret)
const me = { client_id: backend.id }
const resource = 'https://api.example/sites'
const own = await granted(me, basic, {})
const narrow = await granted(me, basic, { scope: 'read', resource })
const summary = {
  metadata: { openid: await discovered('oidc'), oauth2: as },
  lives: {
    client_secret_basic: await life(backend.id, basic),
    client_secret_post: await life(backend.id, oauth.ClientSecretPost(backend.secret)),
    'private_key_jwt, RS256': await life(signer.id, oauth.PrivateKeyJwt(rs256)),
    'private_key_jwt, ES256': await life(signer.id, oauth.PrivateKeyJwt(es256)),
    'client_secret_basic, of signs': await life(encoded.id, oauth.ClientSecretBasic(encoded.secret)),
  },
  own: await believed(own.access_token, facts.issuer),
  narrow: await believed(narrow.access_token, resource),
  misdirected: await believed(narrow.access_token, facts.issuer),
}
console.log(JSON.stringify(summary))
