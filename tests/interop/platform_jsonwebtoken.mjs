// jsonwebtoken makes platform tokens, good and bad, and BitCanuck's endpoint judges them.
import { readFileSync } from 'node:fs'
import jsonwebtoken from 'jsonwebtoken'

const cases = JSON.parse(readFileSync(process.argv[2], 'utf8'))

const key = ({ pem, text, base64 }) => pem ?? text ?? Buffer.from(base64, 'base64')

const summary = []
for (const { name, url, algorithm, claims, ...rest } of cases) {
  const secret = algorithm === 'none' ? null : key(rest.key)
  const token = jsonwebtoken.sign(claims, secret, { algorithm, noTimestamp: true })
  const answer = await fetch(url, { method: 'POST', headers: { Token: token } })
  summary.push({ name, status: answer.status, body: await answer.json() })
}
console.log(JSON.stringify(summary))
