// jose verifies tokens by the published keys: a standard one by `kid`, Ayyeka's by a key's thumbprint.
import { readFileSync } from 'node:fs'
import { calculateJwkThumbprint, createRemoteJWKSet, importJWK, jwtVerify } from 'jose'

const facts = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const { issuer, backend } = facts
const jwks = new URL(`${issuer}/oauth2/jwks`)

async function token(path, { id, secret }) {
  const body = new URLSearchParams({ grant_type: 'client_credentials', client_id: id, client_secret: secret })
  const answer = await fetch(issuer + path, { method: 'POST', body })
  return (await answer.json()).access_token
}

// The same token with another character in its claims.
function tampered(token) {
  const [header, claims, signature] = token.split('.')
  const middle = claims.length >> 1
  const other = claims[middle] === 'A' ? 'B' : 'A'
  return [header, claims.slice(0, middle) + other + claims.slice(middle + 1), signature].join('.')
}

// Header and claims, or the code of the library's error.
async function verified(token, key, options) {
  try {
    const { protectedHeader, payload } = await jwtVerify(token, key, options)
    return { header: protectedHeader, claims: payload }
  } catch (error) {
    return error.code
  }
}

const published = createRemoteJWKSet(jwks)
const standard = await token('/oauth2/token', backend)
const meant = { issuer, audience: issuer, typ: 'at+jwt', algorithms: ['RS256'] }

const { keys } = await (await fetch(jwks)).json()
const thumbprints = await Promise.all(keys.map((key) => calculateJwkThumbprint(key)))
const named = keys[thumbprints.indexOf(facts.thumbprint)]
const ayyeka = await token('/auth/token', facts.ayyeka)
const key = await importJWK(named, 'RS384')
const account = { issuer: 'Cloud', audience: facts.account, typ: 'JWT', algorithms: ['RS384'] }

const summary = {
  thumbprints,
  standard: {
    verified: await verified(standard, published, meant),
    tampered: await verified(tampered(standard), published, meant),
    misdirected: await verified(standard, published, { ...meant, audience: 'other' }),
    foreign: await verified(standard, published, { ...meant, issuer: 'https://other.example' }),
    mistyped: await verified(ayyeka, published, meant),
  },
  ayyeka: {
    verified: await verified(ayyeka, key, account),
    tampered: await verified(tampered(ayyeka), key, account),
  },
}
console.log(JSON.stringify(summary))
