/** What `validate` needs of the service, without starting it. */

import { compileWith, UNTRACED } from '../app/ruleset.ts'
import { openClients, openServices } from '../app/services.ts'
import { HANDLERS } from '../handlers/registry.ts'
import type { Clock } from '../lib/time.ts'
import type { ValidateWorld } from './validate.ts'

/** What `validate` needs of the service without starting it; nothing is asked but remote rule repositories. */
export function openValidation(clock: Clock, env: NodeJS.ProcessEnv = process.env) {
  const { send, fetch, close } = openClients({ clock, env })
  const world: ValidateWorld = {
    handlers: HANDLERS,
    fetch,
    directory: process.cwd(),
    compile: async (config, rules) => {
      const { services } = openServices({ config, send, fetch, clock, report: () => {} })
      const compiled = await compileWith(config, rules, services, UNTRACED, '')
      return compiled.issues
    },
  }
  return { world, close }
}
