/** A whoami function with a live session for every cookie value, which counts its calls. */
import { randomUUID } from 'node:crypto'
import type { WhoamiRequest } from '../../../src/clients/kratos.ts'
import { answered, sessionDocument } from '../../support/kratos.ts'

export function createSessionSource() {
  const ended = new Set<string>()
  const ids = new Map<string, string>()
  let asked = 0
  function idOf(value: string): string {
    const id = ids.get(value) ?? randomUUID()
    ids.set(value, id)
    return id
  }
  return {
    get asked() {
      return asked
    },
    end: (value: string) => ended.add(value),
    idOf,
    whoami: async ({ credential: { value } }: WhoamiRequest) => {
      asked++
      if (ended.has(value)) return answered(401)
      const session = sessionDocument({ id: idOf(value), expires_at: '2999-01-01T00:00:00Z' })
      return answered(200, session, [['set-cookie', 's=never shared']])
    },
  }
}
