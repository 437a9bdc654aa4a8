/** Reads server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream). */

export interface ServerEvent {
  readonly name: string
  /** Empty without one. */
  readonly id: string
  readonly data: string
}

/** The events of a response. Comments, and what follows the last empty line, are skipped. */
export async function* parseServerEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of body) {
    const blocks = (rest + decoder.decode(chunk, { stream: true })).split('\n\n')
    rest = blocks.pop() ?? ''
    for (const block of blocks) {
      const event = parseBlock(block)
      if (event !== undefined) yield event
    }
  }
}

function parseBlock(block: string): ServerEvent | undefined {
  const fields = new Map<string, string>()
  for (const line of block.split('\n')) {
    const [, name, value] = /^([a-z]+): ?(.*)$/.exec(line) ?? []
    if (name === undefined || value === undefined) continue
    const known = fields.get(name)
    fields.set(name, known === undefined ? value : `${known}\n${value}`)
  }
  const data = fields.get('data')
  return data === undefined
    ? undefined
    : { name: fields.get('event') ?? 'message', id: fields.get('id') ?? '', data }
}
