/** bench/load — a closed-loop client over node:http2 in a process of its own: so many Checks in flight for so long, every answer looked at. Prints one JSON line. */
import { type ClientHttp2Session, connect } from 'node:http2'

const [target = '', bodyBase64 = '', secondsText = '1', inFlightText = '64', wanted = ''] =
  process.argv.slice(2)
const message = Buffer.from(bodyBase64, 'base64')
const frame = Buffer.concat([Buffer.from([0, 0, 0, 0, 0]), message])
frame.writeUInt32BE(message.length, 1)
const want = Buffer.from(wanted)

let done = 0
let wrong = 0
let slowest = 0
let stopping = false

function ask(session: ClientHttp2Session): Promise<void> {
  return new Promise(resolve => {
    const started = performance.now()
    const stream = session.request({
      ':method': 'POST',
      ':path': '/envoy.service.auth.v3.Authorization/Check',
      'content-type': 'application/grpc',
      te: 'trailers',
      'grpc-timeout': '5S',
    })
    const chunks: Buffer[] = []
    stream.on('data', chunk => chunks.push(chunk as Buffer))
    stream.on('error', () => {
      wrong++
      resolve()
    })
    stream.on('end', () => {
      done++
      if (Buffer.concat(chunks).indexOf(want) < 0) wrong++
      slowest = Math.max(slowest, performance.now() - started)
      resolve()
    })
    stream.end(frame)
  })
}

const sessions = [connect(`http://${target}`), connect(`http://${target}`)]
const started = performance.now()
setTimeout(() => {
  stopping = true
}, Number(secondsText) * 1000)
await Promise.all(
  Array.from({ length: Number(inFlightText) }, async (_, i) => {
    while (!stopping) await ask(sessions[i % sessions.length] as ClientHttp2Session)
  }),
)
const seconds = (performance.now() - started) / 1000
for (const session of sessions) session.destroy()
console.log(JSON.stringify({ done, wrong, seconds, slowest }))
