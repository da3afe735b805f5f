// jose makes platform tokens, good and bad, and BitCanuck's endpoint judges them.
import { createPrivateKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { SignJWT, UnsecuredJWT } from 'jose'

const cases = JSON.parse(readFileSync(process.argv[2], 'utf8'))

function key({ pem, text, base64 }) {
  if (pem) return createPrivateKey(pem)
  return text ? new TextEncoder().encode(text) : Buffer.from(base64, 'base64')
}

async function token({ algorithm, claims, ...rest }) {
  if (algorithm === 'none') return new UnsecuredJWT(claims).encode()
  return new SignJWT(claims).setProtectedHeader({ alg: algorithm }).sign(key(rest.key))
}

const summary = []
for (const made of cases) {
  const answer = await fetch(made.url, { method: 'POST', headers: { Token: await token(made) } })
  summary.push({ name: made.name, status: answer.status, body: await answer.json() })
}
console.log(JSON.stringify(summary))
