// openid-client: discovery by both names, and a token's life with each way to authenticate.
import { readFileSync } from 'node:fs'
import { importPKCS8 } from 'jose'
import * as client from 'openid-client'

const facts = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const { backend, encoded, signer } = facts
const sites = new URL(`${facts.api}/api/sites`)
// The server of the test is on loopback, without TLS.
const execute = [client.allowInsecureRequests]

function discovered(id, authentication, algorithm) {
  return client.discovery(new URL(facts.issuer), id, {}, authentication, { algorithm, execute })
}

// The status that the library's error carries.
async function status(request) {
  try {
    return (await request).status
  } catch (error) {
    return error.status ?? error.cause?.status ?? String(error)
  }
}

async function life(config) {
  const token = await client.clientCredentialsGrant(config, { scope: 'read' })
  const reached = await client.fetchProtectedResource(config, token.access_token, sites, 'GET')
  const introspected = await client.tokenIntrospection(config, token.access_token)
  await client.tokenRevocation(config, token.access_token)
  const refused = client.fetchProtectedResource(config, token.access_token, sites, 'GET')
  return {
    token_type: token.token_type,
    passed: reached.status,
    identity: await reached.json(),
    introspected,
    refused: await status(refused),
    introspected_after: await client.tokenIntrospection(config, token.access_token),
  }
}

// A 401 has a challenge, which is what the library tells first; the answer is still there to be read.
async function refusal(config) {
  try {
    await client.clientCredentialsGrant(config, { scope: 'read' })
    return null
  } catch (error) {
    const { error: code } = await error.response.json()
    return { status: error.status, scheme: error.cause[0].scheme, error: code }
  }
}

const rs256 = await importPKCS8(signer.rs256, 'RS256')
const es256 = await importPKCS8(signer.es256, 'ES256')
const basic = client.ClientSecretBasic(backend.secret)
const openid = await discovered(backend.id, basic, 'oidc')
const oauth2 = await discovered(backend.id, basic, 'oauth2')
const summary = {
  metadata: { openid: openid.serverMetadata(), oauth2: oauth2.serverMetadata() },
  lives: {
    client_secret_basic: await life(openid),
    'client_secret_basic, by RFC 8414': await life(oauth2),
    client_secret_post: await life(await discovered(backend.id, client.ClientSecretPost(backend.secret))),
    'private_key_jwt, RS256': await life(await discovered(signer.id, client.PrivateKeyJwt(rs256))),
    'private_key_jwt, ES256': await life(await discovered(signer.id, client.PrivateKeyJwt(es256))),
    'client_secret_basic, of signs': await life(await discovered(encoded.id, client.ClientSecretBasic(encoded.secret))),
    'client_secret_post, of signs': await life(await discovered(encoded.id, client.ClientSecretPost(encoded.secret))),
  },
  wrong_secret: await refusal(await discovered(backend.id, client.ClientSecretBasic(encoded.secret))),
  wrong_key: await refusal(await discovered(backend.id, client.PrivateKeyJwt(rs256))),
}
console.log(JSON.stringify(summary))
