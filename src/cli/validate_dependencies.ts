/** What `validate` needs of the service, without starting it. */

import { compileRuleSet, UNTRACED } from '../app/ruleset.ts'
import { createClients, createServices } from '../app/services.ts'
import { HANDLERS } from '../handlers/registry.ts'
import type { Clock } from '../lib/time.ts'
import type { ValidateDependencies } from './validate.ts'

/** What `validate` needs of the service without starting it; nothing is asked but remote rule repositories. */
export function createValidateDependencies(clock: Clock, env: NodeJS.ProcessEnv = process.env) {
  const { send, fetch, close } = createClients({ clock, env })
  const world: ValidateDependencies = {
    handlers: HANDLERS,
    fetch,
    directory: process.cwd(),
    compile: async (config, rules) => {
      const { services } = createServices({ config, send, fetch, clock, onKeyProblem: () => {} })
      const compiled = await compileRuleSet(config, rules, services, UNTRACED, '')
      return compiled.diagnostics
    },
  }
  return { world, close }
}
