// openid-client and oauth4webapi get Ayyeka's answer, and refuse its `token_type`, which stays `JWT`.
import { readFileSync } from 'node:fs'
import * as oauth from 'oauth4webapi'
import * as client from 'openid-client'

const facts = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const { id, secret } = facts.ayyeka
const server = { issuer: facts.issuer, token_endpoint: `${facts.issuer}/auth/token` }

// What the library says, and what of the answer it carries.
async function refusal(attempt) {
  try {
    return { taken: (await attempt()).token_type }
  } catch (error) {
    const unsupported = error instanceof oauth.UnsupportedOperationError ? error : error.cause
    return { name: error.name, said: unsupported.message, body: Object.keys(unsupported.cause.body) }
  }
}

async function byOpenidClient() {
  const config = new client.Configuration(server, id, {}, client.ClientSecretPost(secret))
  client.allowInsecureRequests(config)
  return client.clientCredentialsGrant(config)
}

async function byOauth4webapi(options) {
  const me = { client_id: id }
  const plain = { [oauth.allowInsecureRequests]: true }
  const sent = oauth.clientCredentialsGrantRequest(server, me, oauth.ClientSecretPost(secret), {}, plain)
  return oauth.processClientCredentialsResponse(server, me, await sent, options)
}

// Its Basic encodes both halves, and Ayyeka's users do not.
async function encodedBasic() {
  const config = new client.Configuration(server, id, {}, client.ClientSecretBasic(secret))
  client.allowInsecureRequests(config)
  try {
    return await client.clientCredentialsGrant(config)
  } catch (error) {
    return error.status
  }
}

const summary = {
  'openid-client, encoded': await encodedBasic(),
  'openid-client': await refusal(byOpenidClient),
  oauth4webapi: await refusal(() => byOauth4webapi()),
  // The one that can be told that it knows the type.
  'oauth4webapi, told': await refusal(() => byOauth4webapi({ recognizedTokenTypes: { jwt: () => {} } })),
}
console.log(JSON.stringify(summary))
