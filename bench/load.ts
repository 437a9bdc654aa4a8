/** bench/load — a closed-loop client over node:http2 in a process of its own: reads a job as JSON from standard input, looks at every answer, prints one JSON line. */
import { type ClientHttp2Session, connect } from 'node:http2'
import { text } from 'node:stream/consumers'

/** Kinds of Checks that are sent in turn, as often as their weight says. */
export interface Kind {
  readonly name: string
  readonly weight?: number
  /** Messages as base64, one after the other. */
  readonly bodies: readonly string[]
  /** Eight digits at this offset count up from `from` with each message. */
  readonly counter?: { readonly at: number; readonly from: number }
  /** Every answer must have it. */
  readonly wanted: string
}

export interface Job {
  readonly target: string
  readonly inFlight: number
  /** Ends after this many seconds or, where it is given, this many Checks. */
  readonly seconds: number
  readonly checks?: number
  readonly kinds: readonly Kind[]
}

export interface KindResult {
  readonly done: number
  readonly wrong: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
  readonly slowest: number
}

export interface Result {
  readonly seconds: number
  readonly kinds: Readonly<Record<string, KindResult>>
}

class Source {
  readonly kind: Kind
  readonly frames: readonly Buffer[]
  readonly want: Buffer
  readonly times: number[] = []
  wrong = 0
  #sent = 0

  constructor(kind: Kind) {
    this.kind = kind
    this.want = Buffer.from(kind.wanted)
    this.frames = kind.bodies.map(body => {
      const message = Buffer.from(body, 'base64')
      const frame = Buffer.concat([Buffer.alloc(5), message])
      frame.writeUInt32BE(message.length, 1)
      return frame
    })
  }

  next(): Buffer {
    const frame = this.frames[this.#sent++ % this.frames.length] as Buffer
    const { counter } = this.kind
    if (counter === undefined) return frame
    const counted = Buffer.from(frame)
    counted.write(String(counter.from + this.#sent).padStart(8, '0'), 5 + counter.at)
    return counted
  }

  result(): KindResult {
    const sorted = Float64Array.from(this.times).sort()
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
    return { done: sorted.length, wrong: this.wrong, p50: at(0.5), p99: at(0.99), slowest: at(1) }
  }
}

function ask(session: ClientHttp2Session, source: Source): Promise<void> {
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
    const finish = (right: boolean) => {
      if (!right) source.wrong++
      source.times.push(performance.now() - started)
      resolve()
    }
    stream.on('data', chunk => chunks.push(chunk as Buffer))
    stream.on('error', () => finish(false))
    stream.on('end', () => finish(Buffer.concat(chunks).includes(source.want)))
    stream.end(source.next())
  })
}

async function run({
  target,
  inFlight,
  seconds,
  checks = Number.POSITIVE_INFINITY,
  kinds,
}: Job): Promise<Result> {
  const sources = kinds.map(kind => new Source(kind))
  const turns = sources.flatMap(source => Array.from({ length: source.kind.weight ?? 1 }, () => source))
  const sessions = [connect(`http://${target}`), connect(`http://${target}`)]
  const started = performance.now()
  const end = started + seconds * 1000
  let sent = 0
  await Promise.all(
    Array.from({ length: inFlight }, async (_, i) => {
      while (sent < checks && performance.now() < end) {
        const source = turns[sent++ % turns.length] as Source
        await ask(sessions[i % sessions.length] as ClientHttp2Session, source)
      }
    }),
  )
  const took = (performance.now() - started) / 1000
  for (const session of sessions) session.destroy()
  return {
    seconds: took,
    kinds: Object.fromEntries(sources.map(source => [source.kind.name, source.result()])),
  }
}

if (import.meta.main) console.log(JSON.stringify(await run(JSON.parse(await text(process.stdin)))))
